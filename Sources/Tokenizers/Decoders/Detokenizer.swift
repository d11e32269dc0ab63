public import Formats

/// Turns token ids into text, one at a time.
///
///     var detokenizer = tokenizer.makeDetokenizer()
///     for id in ids { print(try detokenizer.append(id), terminator: "") }
///     print(detokenizer.finish())
///
/// Each piece is final, as early as it can be, and whole: no character is ever split between two pieces, and no piece is
/// taken back. All pieces together are what `decode` gives. The time per id does not grow with the text.
public struct Detokenizer: Sendable {
  private let vocabulary: Vocabulary
  private let rewrittenTokens: [Int: [UInt8]]
  private let specialIDs: Set<Int>
  private let decoder: Decoder
  private let skipsSpecialTokens: Bool

  private var stages: [DecoderStage]
  private var isFirstJoined = true
  private var pieceJoint: SentencePieceJoint?
  private var openScalar: [UInt8] = []
  private var recognizer = UTF8Recognizer()
  private var strips: [StripState]
  private var output: [UInt8] = []

  /// - Parameter rewrittenTokens: Tokens that are decoded as something else than the vocabulary has.
  init(
    _ vocabulary: Vocabulary, rewrittenTokens: [Int: [UInt8]] = [:], specialIDs: Set<Int>, decoder: Decoder,
    skipsSpecialTokens: Bool
  ) {
    (self.vocabulary, self.rewrittenTokens) = (vocabulary, rewrittenTokens)
    (self.specialIDs, self.decoder) = (specialIDs, decoder)
    self.skipsSpecialTokens = skipsSpecialTokens
    stages = decoder.tokenSteps.map { DecoderStage($0) }
    if case .sentencePiece(let joint) = decoder.joint { pieceJoint = joint }
    strips = decoder.textSteps.map { StripState(rule: $0, startLeft: $0.start) }
  }

  /// Takes the next id, and returns the text that is certain now; often none, or that of earlier ids.
  ///
  /// - Throws: `InputError` of kind `badValue` where the id has no token; the detokenizer is as before then.
  public mutating func append(_ id: Int) throws(InputError) -> String {
    guard let token = rewrittenTokens[id] ?? vocabulary.token(of: id) else {
      throw InputError(
        .badValue, "There is no token of id \(id)", advice: "Ids lie between 0 and \(vocabulary.idBound - 1)")
    }
    if skipsSpecialTokens && specialIDs.contains(id) { return "" }
    pass([token], through: 0)
    return takeOutput()
  }

  /// As `append`, but an id that has no token adds nothing: a model may give scores to more ids than its tokenizer has
  /// tokens, and a text that it writes goes on after one of those.
  public mutating func appendIfKnown(_ id: Int) -> String { (try? append(id)) ?? "" }

  /// Ends the text: returns what was held back, and is ready for another text.
  public mutating func finish() -> String {
    for stage in stages.indices {
      var rest: [[UInt8]] = []
      stages[stage].finish { rest.append($0) }
      pass(rest, through: stage + 1)
    }
    if !openScalar.isEmpty { emit(replacementCharacter[...], from: 0) }
    if let rest = pieceJoint?.endBytes() { emit(rest[...], from: 0) }
    let rest = takeOutput()
    self = Detokenizer(
      vocabulary, rewrittenTokens: rewrittenTokens, specialIDs: specialIDs, decoder: decoder,
      skipsSpecialTokens: skipsSpecialTokens)
    return rest
  }

  private mutating func takeOutput() -> String {
    defer { output.removeAll(keepingCapacity: true) }
    return String(decoding: output, as: UTF8.self)
  }

  /// Takes tokens through the stages from one on, and joins what comes out.
  private mutating func pass(_ tokens: [[UInt8]], through first: Int) {
    var tokens = tokens
    for stage in stages.indices.dropFirst(first) {
      var passed: [[UInt8]] = []
      for token in tokens { stages[stage].take(token) { passed.append($0) } }
      tokens = passed
    }
    for token in tokens { join(token) }
  }

  private mutating func join(_ token: [UInt8]) {
    switch decoder.joint {
    case .text(let separator):
      if !isFirstJoined { emit(separator[...], from: 0) }
      isFirstJoined = false
      emit(token[...], from: 0)
    case .byteLevel:
      var bytes: [UInt8] = []
      ByteLevel.appendDecoded(token, to: &bytes)
      for byte in bytes { joinByte(byte) }
    case .sentencePiece:
      if let text = pieceJoint?.take(token) { emit(text[...], from: 0) }
    }
  }

  private mutating func joinByte(_ byte: UInt8) {
    switch recognizer.accept(byte) {
    case .partial:
      openScalar.append(byte)
    case .complete:
      openScalar.append(byte)
      emit(openScalar[...], from: 0)
      openScalar.removeAll(keepingCapacity: true)
    case .invalid:
      emit(replacementCharacter[...], from: 0)
      // A byte that breaks a scalar off may start the next one.
      guard !openScalar.isEmpty else { return }
      openScalar.removeAll(keepingCapacity: true)
      joinByte(byte)
    }
  }

  /// Takes whole scalars through the text steps from `step` on.
  private mutating func emit(_ text: ArraySlice<UInt8>, from step: Int) {
    guard step < strips.count else { return output.append(contentsOf: text) }
    emit(strips[step].take(text)[...], from: step + 1)
  }
}

/// A strip at work on a text that comes in parts.
private struct StripState: Sendable {
  let rule: Decoder.Strip
  var startLeft: Int
  private var held = 0

  init(rule: Decoder.Strip, startLeft: Int) {
    (self.rule, self.startLeft) = (rule, startLeft)
  }

  /// Takes whole scalars, and returns what is certainly kept. What may be the text's end is held back.
  mutating func take(_ text: ArraySlice<UInt8>) -> [UInt8] {
    let text = Array(text)
    var (index, kept) = (0, [UInt8]())
    while index < text.count {
      if text.holds(rule.content, at: index, before: text.count) {
        index += rule.content.count
        if startLeft > 0 {
          startLeft -= 1
        } else if held < rule.stop {
          held += 1
        } else {
          kept.append(contentsOf: rule.content)
        }
      } else {
        startLeft = 0
        for _ in 0..<held { kept.append(contentsOf: rule.content) }
        held = 0
        let next = scalar(in: text, at: index, before: text.count).next
        kept.append(contentsOf: text[index..<next])
        index = next
      }
    }
    return kept
  }
}
