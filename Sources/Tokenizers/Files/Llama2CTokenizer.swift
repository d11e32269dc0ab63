public import Formats

extension PipelineTokenizer {
  /// The name that llama2.c's tokenizers have beside their models.
  public static let llama2CFileName = "tokenizer.bin"

  /// Reads llama2.c's `tokenizer.bin`: a SentencePiece model's pieces with their scores, as byte pairs.
  ///
  /// The first three pieces stand for unknown text, a text's beginning and its end; the beginning is put before a text. The
  /// file has spaces where SentencePiece has U+2581.
  ///
  /// - Throws: `truncated`, `badValue` for lengths that cannot be, `nonFinite` for a score that is no number, `tooLarge` or
  ///   `io` for the file, and what is wrong with the pieces.
  public init(llama2C path: String) throws(InputError) {
    let model = try SentencePieceModel(llama2C: path)
    do throws(InputError) {
      try self.init(model, beginning: [1], findingControlPieces: true)
    } catch { throw error.inside(path) }
  }
}

extension SentencePieceModel {
  init(llama2C path: String) throws(InputError) {
    let bytes = try readFile(path, atMost: 64 << 20)
    do throws(InputError) { try self.init(llama2C: bytes) } catch { throw error.inside(path) }
  }

  private init(llama2C bytes: [UInt8]) throws(InputError) {
    var reader = ByteReader(bytes)
    let longest: Int32 = try reader.integer()
    guard longest > 0, longest <= Self.longestPiece else {
      throw InputError(.badValue, "says that the longest piece has \(longest) bytes", at: "byte 0")
    }
    var pieces: [Piece] = []
    while reader.remaining > 0 {
      let place = reader.place
      let score = try reader.float()
      guard score.isFinite else { throw InputError(.nonFinite, "holds the score \(score)", at: place) }
      let length: Int32 = try reader.integer()
      guard length >= 0, length <= longest else {
        throw InputError(.badValue, "holds a piece of \(length) bytes, where the longest has \(longest)", at: place)
      }
      let text = try reader.bytes(Int(length))
      guard pieces.count < Model.sizeLimit else {
        throw InputError(.tooLarge, "has more than \(Model.sizeLimit) pieces", at: place)
      }
      let mark: [UInt8] = [0xE2, 0x96, 0x81]
      pieces.append(
        Piece(text.flatMap { $0 == UInt8(ascii: " ") ? mark : [$0] }, score: score, kind: Self.kind(pieces.count, text))
      )
    }
    guard pieces.count > 3 else { throw InputError(.truncated, "has only \(pieces.count) pieces") }
    self.init(pieces: pieces, algorithm: .bytePairs)
    fallsBackToBytes = pieces.contains { $0.kind == .byte }
    normalization.removesExtraSpaces = false
  }

  /// What a piece is for, which the file does not say.
  private static func kind(_ id: Int, _ text: [UInt8]) -> Kind {
    switch id {
    case 0: return .unknown
    case 1, 2: return .control
    case 3..<259: return fallbackByte(text).map { Int($0) == id - 3 } == true ? .byte : .normal
    default: return .normal
    }
  }
}
