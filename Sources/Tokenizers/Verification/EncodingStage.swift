import Formats

/// A stage of a tokenizer, by the name of its member in `tokenizer.json`, in the order of the work.
public enum EncodingStage: String, Sendable, CaseIterable {
  /// Changes the text.
  case normalizer
  /// Cuts the changed text into pieces.
  case preTokenizer = "pre_tokenizer"
  /// Finds the tokens of the pieces.
  case model
  /// Finds added tokens in the text, before the other stages see it.
  case addedTokens = "added_tokens"
  /// Puts tokens around those of the text.
  case postProcessor = "post_processor"
  /// Turns tokens into text.
  case decoder
}

extension PipelineTokenizer {
  /// What a stage makes of a text: a text, pieces of text, or ids, as JSON, which compares them byte by byte.
  ///
  /// The first three are given the whole text, as if no added token were in it, each what the one before made of it. The
  /// other three are what `encode` and `decode` really do: the ids without anything around them, all ids, and their text
  /// with special tokens.
  func result(of stage: EncodingStage, for text: String) throws(InputError) -> JSONValue {
    func string(_ bytes: some Sequence<UInt8>) -> JSONValue { .string(JSONString(utf8: Array(bytes))) }
    func integers(_ ids: [Int]) -> JSONValue { .array(ids.map { .integer($0) }) }
    switch stage {
    case .normalizer: return string(normalizer.normalize(Array(text.utf8)))
    case .preTokenizer:
      let pieces = pieces(of: text)
      return .array(
        pieces.pieces.map { piece in
          let bytes = pieces.text.bytes[piece.start..<piece.end]
          // Such a model looks the bytes up in the alphabet by itself.
          return model.isByteLevel ? string(bytes.flatMap { ByteLevel.utf8[Int($0)] }) : string(bytes)
        })
    case .model:
      let pieces = pieces(of: text)
      var (buffer, tokens) = (MergeBuffer(), [PieceToken]())
      for piece in pieces.pieces {
        try model.appendTokens(of: pieces.text.bytes, piece.start, piece.end, &buffer, to: &tokens)
      }
      return integers(tokens.map { Int($0.id) })
    case .addedTokens: return integers(try encode(text, addingSpecialTokens: false))
    case .postProcessor: return integers(try encode(text, addingSpecialTokens: true))
    case .decoder:
      return string(try decode(try encode(text, addingSpecialTokens: true), skippingSpecialTokens: false).utf8)
    }
  }

  private func pieces(of text: String) -> Pieces {
    let text = Array(text.utf8)
    var normalized = AlignedText(text, 0, text.count, isTracked: true)
    normalizer.normalize(&normalized)
    return preTokenizer.pieces(of: normalized)
  }
}
