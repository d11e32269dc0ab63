public import Formats

extension PipelineTokenizer {
  /// A tokenizer that gives the ids that SentencePiece itself gives for this model.
  ///
  /// Ids are places in the list of pieces. As in SentencePiece, nothing in a text stands for a control piece, and nothing is
  /// put around a text unless it is asked for; control pieces are no text when they are decoded. A GGUF file's tokenizer is
  /// made so too: with `findingControlPieces`, `beginID` before a text and `endID` after it as the file says. This
  /// initializer, like the memberwise one of the model, is one that other formats' readers build on.
  ///
  /// - Parameters:
  ///   - beginning: Ids that are put before a text together with special tokens.
  ///   - ending: Ids that are put after a text.
  ///   - findingControlPieces: Whether control pieces, and the one for unknown text, that are written in a text become their
  ///     ids, as in the `tokenizers` library; they are then special tokens, decoded as they are written.
  /// - Throws: `InputError` for what is wrong with the pieces, as `SentencePieceModel.init(contents:)`, or with the map of
  ///   characters; `badValue` where one of the ids around a text is none.
  public init(
    _ model: SentencePieceModel, beginning: [Int] = [], ending: [Int] = [], findingControlPieces: Bool = false
  ) throws(InputError) {
    let segmenter = try SentencePieceSegmenter(model)
    var added: [AddedToken] = []
    if findingControlPieces {
      for (id, piece) in model.pieces.enumerated() where piece.kind == .control || piece.kind == .unknown {
        added.append(AddedToken(content: piece.content, id: id, isSpecial: true))
      }
    }
    var stages = try PipelineStages(.sentencePiece(segmenter), adding: added)
    stages.normalizer.steps = [.sentencePiece(try SentencePieceNormalizer(model))]
    stages.decoder.joint = .sentencePiece(
      SentencePieceJoint(
        dropsSpace: model.normalization.addsDummySpace || model.normalization.removesExtraSpaces,
        dropsAllSpaces: model.normalization.removesExtraSpaces, hasBytes: model.fallsBackToBytes))
    for (id, piece) in model.pieces.enumerated() where !findingControlPieces {
      if piece.kind == .control { stages.rewrittenTokens[id] = [] }
      if piece.kind == .unknown { stages.rewrittenTokens[id] = Array(model.unknownText.utf8) }
    }
    stages.postProcessor.steps = try Self.wrapping(beginning, ending, stages.vocabulary)
    try self.init(stages, addedTokens: added)
  }

  /// Puts ids around a text.
  static func wrapping(
    _ beginning: [Int], _ ending: [Int], _ vocabulary: Vocabulary
  ) throws(InputError) -> [PostProcessor.Step] {
    guard !(beginning + ending).isEmpty else { return [] }
    func special(_ ids: [Int]) throws(InputError) -> [PostProcessor.SpecialToken] {
      var tokens: [PostProcessor.SpecialToken] = []
      for id in ids {
        guard let token = vocabulary.token(of: id) else {
          throw InputError(
            .badValue, "There is no token of id \(id) to put around a text",
            advice: "Ids lie between 0 and \(vocabulary.idBound - 1)")
        }
        tokens.append(PostProcessor.SpecialToken(id: id, token: token))
      }
      return tokens
    }
    let (first, last) = (try special(beginning), try special(ending))
    func around(_ text: Int) -> [PostProcessor.Part] {
      (first.isEmpty ? [] : [.special(first, typeID: text)]) + [.text(text, typeID: text)]
        + (last.isEmpty ? [] : [.special(last, typeID: text)])
    }
    return [.wrap(single: around(0), pair: around(0) + around(1), typesOverflow: false)]
  }
}
