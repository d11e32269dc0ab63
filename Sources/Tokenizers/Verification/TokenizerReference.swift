public import Formats

/// What the stages of the reference library make of texts that break tokenizers, for one tokenizer; a file that
/// `Tests/Fixtures/make_tokenizer_references.py` writes, and which describes its format.
public struct TokenizerReference: Sendable {
  /// The tokenizer's name.
  public let name: String
  /// The library whose results these are, with its version.
  public let library: String
  /// One more than the greatest id.
  public let vocabularySize: Int
  /// How many texts there are.
  public var textCount: Int { cases.count }

  /// Some tokens from all over the vocabulary.
  private let marks: [(token: JSONString, id: Int)]
  private let cases: [Case]

  fileprivate struct Case {
    let text: String
    let results: [(stage: EncodingStage, value: JSONValue)]
  }

  /// A text of which a tokenizer makes something else.
  public struct Difference: Sendable {
    /// The text.
    public let text: String
    /// The first stage whose result is another one.
    public let stage: EncodingStage
    /// What the stage should give: a text, pieces of text, or ids.
    public let expected: JSONValue
    /// What it gives, or the error that it throws.
    public let found: Result<JSONValue, InputError>
  }

  /// Reads a file of references.
  ///
  /// - Throws: `InputError`: `badJSON` and its kin, `missing`, `wrongType`, `badValue` and `tooLarge` for the contents;
  ///   `notFound` or `io` for the file.
  public init(path: String) throws(InputError) {
    let bytes = try readFile(path, atMost: 64 << 20)
    do throws(InputError) {
      try self.init(try JSONField(parsing: bytes))
    } catch {
      throw error.inside(path)
    }
  }

  private init(_ root: JSONField) throws(InputError) {
    try root.allowOnly(["tokenizer", "library", "size", "marks", "cases"])
    name = try root.required("tokenizer").string()
    library = try root.required("library").string()
    vocabularySize = try root.required("size").int(in: 1...Int(Int32.max))
    var (marks, cases) = ([(token: JSONString, id: Int)](), [Case]())
    for (token, id) in try root.required("marks").object() { marks.append((token, try id.int())) }
    for field in try root.required("cases").array() { cases.append(try Case(field)) }
    guard !cases.isEmpty else { throw root.error(.badValue, "has no texts") }
    (self.marks, self.cases) = (marks, cases)
  }

  /// Whether a tokenizer has the vocabulary that the reference is of, as far as can be seen: one of this size, with most
  /// of the tokens that were noted in their places.
  public func fits(_ tokenizer: PipelineTokenizer) -> Bool {
    let right = marks.count { tokenizer.id(of: $0.token.text) == $0.id }
    return tokenizer.vocabularySize == vocabularySize && 2 * right > marks.count
  }

  /// The texts of which a tokenizer makes something else, each with the first stage that differs.
  ///
  /// The earliest of the stages is the one to look into: what a wrong stage gives is wrong input for those after it.
  public func differences(of tokenizer: PipelineTokenizer) -> [Difference] {
    cases.compactMap { $0.difference(of: tokenizer) }
  }
}

extension TokenizerReference.Case {
  init(_ field: JSONField) throws(InputError) {
    try field.allowOnly(["text", "normalized", "pieces", "model", "ids", "whole", "decoded"])
    let text = try field.required("text")
    let normalized = try field.optional("normalized") ?? text
    let (pieces, model) = (try field.required("pieces"), try field.required("model"))
    let ids = try field.optional("ids") ?? model
    let whole = try field.optional("whole") ?? ids
    let decoded = try field.optional("decoded") ?? text
    self.text = try text.string()
    _ = (try normalized.string(), try decoded.string())
    for piece in try pieces.array() { _ = try piece.string() }
    for list in [model, ids, whole] { for id in try list.array() { _ = try id.int() } }
    results = [
      (.normalizer, try normalized.value()), (.preTokenizer, try pieces.value()), (.model, try model.value()),
      (.addedTokens, try ids.value()), (.postProcessor, try whole.value()), (.decoder, try decoded.value()),
    ]
  }

  func difference(of tokenizer: PipelineTokenizer) -> TokenizerReference.Difference? {
    for (stage, expected) in results {
      let found = Result { () throws(InputError) in try tokenizer.result(of: stage, for: text) }
      if found != .success(expected) { return .init(text: text, stage: stage, expected: expected, found: found) }
    }
    return nil
  }
}
