public import Formats

/// What a SentencePiece model (`tokenizer.model`, `spiece.model`) consists of: its pieces, and how it treats text.
///
/// `PipelineTokenizer.init(_:)` makes a tokenizer of it. The memberwise initializer is for pieces that come from
/// elsewhere: a GGUF file's `tokenizer.ggml.tokens`, `scores` and `token_type`, whose numbers are those of `Kind`.
///
/// Source: github.com/google/sentencepiece, sentencepiece_model.proto.
public struct SentencePieceModel: Sendable {
  /// How a text is cut into pieces.
  public enum Algorithm: Sendable {
    /// Into those whose scores have the greatest sum.
    case unigram
    /// By joining neighbours, those with the best score first.
    case bytePairs
    /// Into words, each with the mark of the space before it.
    case words
    /// Into single characters, and pieces that are kept whole.
    case characters
  }

  /// What a piece is for; the numbers are those of the files.
  public enum Kind: Int, Sendable {
    case normal = 1
    /// Stands for what no piece stands for. There is exactly one.
    case unknown
    /// Never found in text, and no text when it is decoded: the beginning of a text, its end, padding.
    case control
    /// Kept whole wherever it is found.
    case userDefined
    /// Not in use, but for joining to others.
    case unused
    /// One byte of what no piece stands for, `<0x00>` to `<0xFF>`.
    case byte
  }

  /// A piece; its id is its place in the list.
  public struct Piece: Sendable, Equatable {
    /// UTF-8, with U+2581 for a space.
    public var content: [UInt8]
    /// How much it counts: in unigram models the logarithm of its probability, in others the order of joining.
    public var score: Float
    /// What it is for.
    public var kind: Kind

    /// A piece.
    public init(_ content: [UInt8], score: Float, kind: Kind = .normal) {
      (self.content, self.score, self.kind) = (content, score, kind)
    }
  }

  /// What is done to a text first.
  public struct Normalization: Sendable, Equatable {
    /// The map of characters as files hold it (`precompiled_charsmap`); empty for none.
    public var charactersMap: [UInt8] = []
    /// Whether a space is put before a text (or after it, by `writesSpacesAsSuffixes`).
    public var addsDummySpace = true
    /// Whether spaces at the ends of a text are dropped, and runs of them count once.
    public var removesExtraSpaces = true
    /// Whether spaces are written as U+2581.
    public var escapesSpaces = true
    /// Whether spaces belong to the word before them.
    public var writesSpacesAsSuffixes = false

    /// The settings of SentencePiece itself, without a map.
    public init() {}
  }

  /// The pieces, in the order of their ids.
  public var pieces: [Piece]
  /// How a text is cut into pieces.
  public var algorithm: Algorithm
  /// What is done to a text first.
  public var normalization: Normalization
  /// Whether what no piece stands for becomes its bytes.
  public var fallsBackToBytes: Bool
  /// The text of the unknown piece when it is decoded.
  public var unknownText = " \u{2047} "
  /// The control piece that stands before a text by custom, if the model has one.
  public var beginID: Int?
  /// The control piece that stands after a text by custom, if the model has one.
  public var endID: Int?

  /// A model of these parts. They are checked when a tokenizer is made of it.
  public init(
    pieces: [Piece], algorithm: Algorithm, normalization: Normalization = Normalization(),
    fallsBackToBytes: Bool = false
  ) {
    (self.pieces, self.algorithm) = (pieces, algorithm)
    (self.normalization, self.fallsBackToBytes) = (normalization, fallsBackToBytes)
  }

  /// The longest piece, in bytes; SentencePiece has the same limit.
  static let longestPiece = 8000

  /// Checks what a file must hold to be a model.
  ///
  /// - Returns: The id of the unknown piece.
  /// - Throws: `missing` where there are no pieces; `badValue`, `tooLarge`, `badUTF8`, `nonFinite` and `inconsistent` for what
  ///   is wrong with them.
  func check() throws(InputError) -> Int {
    guard !pieces.isEmpty else {
      throw InputError(.missing, "has no pieces", advice: "It is no SentencePiece model: fetch it again.")
    }
    guard pieces.count <= Model.sizeLimit else {
      throw InputError(.tooLarge, "has \(pieces.count) pieces, but may have at most \(Model.sizeLimit)")
    }
    var (unknownID, bytes) = (Int?.none, Set<[UInt8]>())
    for (id, piece) in pieces.enumerated() {
      do throws(InputError) {
        try Self.check(piece)
      } catch {
        throw error.inside("pieces[\(id)]")
      }
      switch piece.kind {
      case .unknown:
        guard unknownID == nil else {
          throw InputError(.inconsistent, "is a second piece for unknown text", at: "pieces[\(id)]")
        }
        unknownID = id
      case .byte:
        guard fallsBackToBytes else {
          throw InputError(.inconsistent, "stands for a byte, but byte_fallback is off", at: "pieces[\(id)]")
        }
        bytes.insert(piece.content)
      case .normal, .control, .userDefined, .unused: break
      }
    }
    guard let unknownID else { throw InputError(.inconsistent, "has no piece for unknown text", at: "pieces") }
    guard !fallsBackToBytes || bytes.count == 256 else {
      throw InputError(.inconsistent, "has pieces for \(bytes.count) bytes, but byte_fallback needs 256", at: "pieces")
    }
    return unknownID
  }

  private static func check(_ piece: Piece) throws(InputError) {
    guard !piece.content.isEmpty else { throw InputError(.badValue, "is empty") }
    guard piece.content.count <= longestPiece else {
      throw InputError(.tooLarge, "has \(piece.content.count) bytes, but may have at most \(longestPiece)")
    }
    guard !piece.content.contains(0) else { throw InputError(.badValue, "holds a NUL") }
    if let bad = firstInvalidUTF8(piece.content) {
      throw InputError(.badUTF8, "is not UTF-8", at: "byte \(bad)")
    }
    guard piece.score.isFinite else { throw InputError(.nonFinite, "has the score \(piece.score)") }
    guard piece.kind != .byte || fallbackByte(piece.content) != nil else {
      throw InputError(.badValue, "is \(quoted(piece.content)), which names no byte")
    }
  }
}

extension SentencePieceModel {
  /// Reads the contents of a model's file.
  ///
  /// - Throws: `truncated`, `badValue` and `wrongType` for what is no message of Protocol Buffers, or another;
  ///   `unsupported` for what is not implemented: other kinds of models, and a map for decoded text;
  ///   `inconsistent` where the training's settings contradict the pieces; and what is wrong with the pieces.
  public init(contents: [UInt8]) throws(InputError) {
    self.init(pieces: [], algorithm: .unigram)
    var (reader, training) = (ProtobufReader(ByteReader(contents)), TrainingSettings())
    pieces.reserveCapacity(try Self.pieceCount(reader))
    while let field = try reader.next() {
      switch field.number {
      case 1: pieces.append(try Self.piece(try field.message("pieces")))
      case 2: try training.read(try field.message("trainer_spec"))
      case 3: try readNormalization(try field.message("normalizer_spec"))
      case 5: try Self.refuseMap(try field.message("denormalizer_spec"))
      default: break
      }
    }
    try apply(training)
  }

  /// The most pieces of a file; the largest known model has half as many.
  private static let pieceLimit = 1 << 19

  /// How many pieces there are; too many are refused before anything is kept of them.
  private static func pieceCount(_ message: ProtobufReader) throws(InputError) -> Int {
    var (message, count) = (message, 0)
    while let field = try message.next() {
      if field.number == 1 { count += 1 }
      guard count <= pieceLimit else { throw InputError(.tooLarge, "has more than \(pieceLimit) pieces") }
    }
    return count
  }

  private static func piece(_ message: ProtobufReader) throws(InputError) -> Piece {
    var (piece, message) = (Piece([], score: 0), message)
    while let field = try message.next() {
      switch field.number {
      case 1: piece.content = try field.bytes("piece")
      case 2: piece.score = try field.float("score")
      case 3:
        let number = try field.varint("type")
        guard let kind = Kind(rawValue: Int(truncatingIfNeeded: min(number, 99))) else {
          throw InputError(.badValue, "is \(number), which is unknown", at: "type at byte \(field.offset)")
        }
        piece.kind = kind
      default: break
      }
    }
    return piece
  }

  private mutating func readNormalization(_ message: ProtobufReader) throws(InputError) {
    var message = message
    while let field = try message.next() {
      switch field.number {
      case 2: normalization.charactersMap = try field.bytes("precompiled_charsmap")
      case 3: normalization.addsDummySpace = try field.bool("add_dummy_prefix")
      case 4: normalization.removesExtraSpaces = try field.bool("remove_extra_whitespaces")
      case 5: normalization.escapesSpaces = try field.bool("escape_whitespaces")
      default: break
      }
    }
  }

  private static func refuseMap(_ message: ProtobufReader) throws(InputError) {
    var message = message
    while let field = try message.next() {
      guard field.number == 2 else { continue }
      guard try field.bytes("precompiled_charsmap").isEmpty else {
        throw InputError(.unsupported, "is set, which is not implemented", at: "denormalizer_spec")
      }
    }
  }

  /// What a model's file says of its training that its use depends on.
  private struct TrainingSettings {
    var modelType = 1
    var vocabularySize: Int?
    var fallsBackToBytes = false
    var writesSpacesAsSuffixes = false
    var ids: [Int: Int] = [:]
    var unknownText: [UInt8]?

    mutating func read(_ message: ProtobufReader) throws(InputError) {
      var message = message
      while let field = try message.next() {
        switch field.number {
        case 3: modelType = try field.int("model_type")
        case 4: vocabularySize = try field.int("vocab_size")
        case 24: writesSpacesAsSuffixes = try field.bool("treat_whitespace_as_suffix")
        case 35: fallsBackToBytes = try field.bool("byte_fallback")
        case 40, 41, 42: ids[field.number] = try field.int("unk_id, bos_id, eos_id")
        case 44: unknownText = try field.bytes("unk_surface")
        default: break
        }
      }
    }
  }

  private mutating func apply(_ training: TrainingSettings) throws(InputError) {
    switch training.modelType {
    case 1: algorithm = .unigram
    case 2: algorithm = .bytePairs
    case 3: algorithm = .words
    case 4: algorithm = .characters
    case let type:
      throw InputError(
        .unsupported, "is \(type), but only 1 (unigram), 2 (byte pairs), 3 (words) and 4 (characters) are known",
        at: "model_type")
    }
    fallsBackToBytes = training.fallsBackToBytes
    normalization.writesSpacesAsSuffixes = training.writesSpacesAsSuffixes
    if let text = training.unknownText {
      if let bad = firstInvalidUTF8(text) { throw InputError(.badUTF8, "is not UTF-8", at: "unk_surface: byte \(bad)") }
      unknownText = String(decoding: text, as: UTF8.self)
    }
    let unknownID = try check()
    if let size = training.vocabularySize, size != pieces.count {
      throw InputError(
        .inconsistent, "is \(size), but there are \(pieces.count) pieces", at: "vocab_size",
        advice: "The file is cut short, or its settings were not changed with its pieces.")
    }
    if let id = training.ids[40], id != unknownID {
      throw InputError(.inconsistent, "is \(id), but the piece for unknown text is \(unknownID)", at: "unk_id")
    }
    func control(_ id: Int?) -> Int? {
      guard let id, pieces.indices.contains(id), pieces[id].kind == .control else { return nil }
      return id
    }
    // What is not written in the file has these ids.
    beginID = control(training.ids[41] ?? 1)
    endID = control(training.ids[42] ?? 2)
  }
}
