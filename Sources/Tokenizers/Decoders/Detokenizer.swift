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
  private let cleansUpSpaces: Bool

  private var stages: [DecoderStage]
  private var isFirstJoined = true
  private var pieceJoint: SentencePieceJoint?
  private var openScalar: [UInt8] = []
  private var strips: [StripState]
  private var cleanUp: SpaceCleanUp?
  private var output: [UInt8] = []
  // Room that is kept from id to id.
  private var tokens = TokenList()
  private var passed = TokenList()
  private var joined: [UInt8] = []

  /// - Parameters:
  ///   - rewrittenTokens: Tokens that are decoded as something else than the vocabulary has.
  ///   - cleansUpSpaces: Whether spaces before punctuation are taken out of the text.
  init(
    _ vocabulary: Vocabulary, rewrittenTokens: [Int: [UInt8]] = [:], specialIDs: Set<Int>, decoder: Decoder,
    skipsSpecialTokens: Bool, cleansUpSpaces: Bool = false
  ) {
    (self.vocabulary, self.rewrittenTokens) = (vocabulary, rewrittenTokens)
    (self.specialIDs, self.decoder) = (specialIDs, decoder)
    (self.skipsSpecialTokens, self.cleansUpSpaces) = (skipsSpecialTokens, cleansUpSpaces)
    stages = decoder.tokenSteps.map { DecoderStage($0) }
    if case .sentencePiece(let joint) = decoder.joint { pieceJoint = joint }
    strips = decoder.textSteps.map { StripState(rule: $0, startLeft: $0.start) }
    if cleansUpSpaces { cleanUp = SpaceCleanUp() }
  }

  /// Takes the next id, and returns the text that is certain now; often none, or that of earlier ids.
  ///
  /// - Throws: `InputError` of kind `badValue` where the id has no token; the detokenizer is as before then.
  public mutating func append(_ id: Int) throws(InputError) -> String {
    try take(CollectionOfOne(id))
    return takeOutput()
  }

  /// As `append`, but an id that has no token adds nothing: a model may give scores to more ids than its tokenizer has
  /// tokens, and a text that it writes goes on after one of those.
  public mutating func appendIfKnown(_ id: Int) -> String { (try? append(id)) ?? "" }

  /// Ends the text: returns what was held back, and is ready for another text.
  public mutating func finish() -> String {
    end()
    let rest = takeOutput()
    self = Detokenizer(
      vocabulary, rewrittenTokens: rewrittenTokens, specialIDs: specialIDs, decoder: decoder,
      skipsSpecialTokens: skipsSpecialTokens, cleansUpSpaces: cleansUpSpaces)
    return rest
  }

  /// The text of all ids, in one piece.
  mutating func text(of ids: [Int]) throws(InputError) -> String {
    let stretch = 1024
    for start in stride(from: 0, to: ids.count, by: stretch) {
      try take(ids[start..<min(ids.count, start + stretch)])
    }
    end()
    return takeOutput()
  }

  private mutating func takeOutput() -> String {
    defer { output.removeAll(keepingCapacity: true) }
    return String(decoding: output, as: UTF8.self)
  }

  /// Takes the next ids; none of them if one has no token.
  private mutating func take(_ ids: some Collection<Int>) throws(InputError) {
    tokens.removeAll()
    for id in ids {
      if skipsSpecialTokens && specialIDs.contains(id) { continue }
      if !rewrittenTokens.isEmpty, let token = rewrittenTokens[id] {
        tokens.append(token)
      } else if !vocabulary.appendToken(of: id, to: &tokens) {
        throw InputError(
          .badValue, "There is no token of id \(id)", advice: "Ids lie between 0 and \(vocabulary.idBound - 1)")
      }
    }
    for stage in stages.indices {
      passed.removeAll()
      stages[stage].take(tokens, &passed)
      swap(&tokens, &passed)
    }
    joinTokens()
  }

  /// Passes on what was held back anywhere.
  private mutating func end() {
    tokens.removeAll()
    for stage in stages.indices {
      passed.removeAll()
      stages[stage].take(tokens, &passed)
      stages[stage].finish(&passed)
      swap(&tokens, &passed)
    }
    joinTokens()
    joined.removeAll(keepingCapacity: true)
    if !openScalar.isEmpty { joined += replacementCharacter }
    openScalar = []
    pieceJoint?.endBytes(to: &joined)
    emitJoined()
    if let rest = cleanUp?.finish() { output += rest }
  }

  /// Joins what came out of the last stage.
  private mutating func joinTokens() {
    joined.removeAll(keepingCapacity: true)
    switch decoder.joint {
    case .text(let separator) where separator.isEmpty: joined += tokens.bytes
    case .text(let separator):
      for index in 0..<tokens.count {
        if !isFirstJoined { joined += separator }
        isFirstJoined = false
        joined += tokens.bytes[tokens[index]]
      }
    case .byteLevel:
      joined += openScalar
      for index in 0..<tokens.count { ByteLevel.appendDecoded(tokens.bytes, tokens[index], to: &joined) }
      repairJoined()
    case .sentencePiece:
      for index in 0..<tokens.count { pieceJoint?.take(tokens.bytes, tokens[index], to: &joined) }
    }
    emitJoined()
  }

  /// Makes text of joined bytes: those that are none become U+FFFD, and those that may begin a scalar are held back.
  private mutating func repairJoined() {
    openScalar.removeAll(keepingCapacity: true)
    guard joined.contains(where: { $0 >= 0x80 }) else { return }
    let bytes = joined
    joined.removeAll(keepingCapacity: true)
    var (recognizer, index, kept, scalarStart) = (UTF8Recognizer(), 0, 0, 0)
    while index < bytes.count {
      switch recognizer.accept(bytes[index]) {
      case .partial: index += 1
      case .complete:
        index += 1
        scalarStart = index
      case .invalid:
        joined += bytes[kept..<scalarStart]
        joined += replacementCharacter
        // A byte that breaks a scalar off may start the next one.
        if index == scalarStart { index += 1 }
        (kept, scalarStart) = (index, index)
      }
    }
    joined += bytes[kept..<scalarStart]
    openScalar += bytes[scalarStart...]
  }

  /// Takes joined text, which is whole scalars, through the steps on text.
  private mutating func emitJoined() {
    guard !strips.isEmpty || cleansUpSpaces else { return output.append(contentsOf: joined) }
    var text = joined
    for strip in strips.indices { text = strips[strip].take(text) }
    if let clean = cleanUp?.take(text) { text = clean }
    output.append(contentsOf: text)
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
  mutating func take(_ text: [UInt8]) -> [UInt8] {
    if startLeft == 0 && rule.stop == 0 || text.isEmpty { return text }
    var (start, end, taken) = (0, text.count, 0)
    while startLeft > 0, text.holds(rule.content, at: start, before: end) {
      start += rule.content.count
      startLeft -= 1
    }
    guard start < end else { return [] }
    startLeft = 0
    while taken < rule.stop, end - rule.content.count >= start,
      text.holds(rule.content, at: end - rule.content.count, before: end)
    {
      end -= rule.content.count
      taken += 1
    }
    let isOver = start < end
    let released = isOver ? held : max(0, held + taken - rule.stop)
    held = isOver ? taken : held + taken - released
    var kept: [UInt8] = []
    kept.reserveCapacity(released * rule.content.count + end - start)
    for _ in 0..<released { kept += rule.content }
    return kept + text[start..<end]
  }
}
