import Formats

/// A token within a piece of text.
struct PieceToken: Sendable, Equatable {
  var id: Int32
  /// Where it stands in the text.
  var start: Int32
  var end: Int32
}

/// The model: what finds the tokens within a piece of text.
enum Model: Sendable {
  case bpe(BPEModel)
  case wordPiece(WordPieceModel)
  case unigram(UnigramModel)
  case wordLevel(WordLevelModel)
  case sentencePiece(SentencePieceSegmenter)

  var vocabulary: Vocabulary {
    switch self {
    case .bpe(let model): model.vocabulary
    case .wordPiece(let model): model.vocabulary
    case .unigram(let model): model.vocabulary
    case .wordLevel(let model): model.vocabulary
    case .sentencePiece(let model): model.vocabulary
    }
  }

  /// The id of the token whose text is that of the piece itself, and not that of the vocabulary.
  var surfaceID: Int32? {
    switch self {
    case .unigram(let model): model.unknownID
    case .sentencePiece(let model): model.unknownID
    case .bpe, .wordPiece, .wordLevel: nil
    }
  }

  /// Whether pieces are looked up in the byte alphabet.
  var isByteLevel: Bool {
    if case .bpe(let model) = self { model.isByteLevel } else { false }
  }

  /// Appends the tokens of the piece at `start..<end` of `text`.
  ///
  /// - Throws: `badValue` where a token for unknown text is needed and there is none, `tooLarge` beyond 2 GiB.
  func appendTokens(
    of text: [UInt8], _ start: Int, _ end: Int, _ buffer: inout MergeBuffer, to tokens: inout [PieceToken]
  ) throws(InputError) {
    switch self {
    case .bpe(let model): model.appendTokens(of: text, start, end, &buffer, to: &tokens)
    case .wordPiece(let model): try model.appendTokens(of: text, start, end, to: &tokens)
    case .unigram(let model): try model.appendTokens(of: text, start, end, to: &tokens)
    case .wordLevel(let model): try model.appendTokens(of: text, start, end, to: &tokens)
    case .sentencePiece(let model): model.appendTokens(of: text, start, end, to: &tokens)
    }
  }
}

extension Model {
  /// The most tokens that a file may hold. Known vocabularies have up to 300,000.
  static let sizeLimit = 1 << 21

  /// The most merges that a file may hold. Known files have up to 600,000.
  static let mergeLimit = 1 << 20

  /// Reads a `model` of a `tokenizer.json`.
  ///
  /// - Parameter isByteLevel: Whether the pieces' bytes are to be looked up in the byte alphabet.
  init(_ field: JSONField, isByteLevel: Bool) throws(InputError) {
    switch try field.typeName() {
    case "BPE": self = .bpe(try BPEModel(field, isByteLevel: isByteLevel))
    case "WordPiece": self = .wordPiece(try WordPieceModel(field))
    case "Unigram": self = .unigram(try UnigramModel(field))
    case "WordLevel": self = .wordLevel(try WordLevelModel(field))
    case let name: throw field.unsupportedType(name)
    }
  }
}

func unknownText(_ text: ArraySlice<UInt8>) -> InputError {
  InputError(.badValue, "\(quoted(text)) has no token, and there is no token for unknown text")
}
