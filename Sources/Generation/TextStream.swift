import Formats
@_exported import Models
@_exported import Tokenizers

/// The text that continues a prompt, piece by piece as it is generated.
///
///     for try await piece in try model.stream(prompt, tokenizer: tokenizer, maxTokens: 100) {
///       print(piece, terminator: "")
///     }
///
/// Pieces are final and whole: no character is split between two, and after the prompt's text they are together the
/// text that prompt and new tokens decode to; ids without a token add nothing to it. Tokens are computed when a piece is
/// asked for, off the caller's actor, which stays free meanwhile. Leaving the loop ends the computation. So does
/// cancelling the task, which throws `CancellationError` at the next token.
public struct TextStream: AsyncSequence, Sendable {
  /// A piece of text, never empty.
  public typealias Element = String

  private let tokens: TokenStream
  private let detokenizer: Detokenizer

  /// The text of some tokens.
  public init(_ tokens: TokenStream, detokenizer: Detokenizer) {
    (self.tokens, self.detokenizer) = (tokens, detokenizer)
  }

  /// The pieces from the beginning; each iteration generates the same text again.
  public func makeAsyncIterator() -> Iterator { Iterator(tokens: tokens, detokenizer: detokenizer) }

  /// Generates the pieces.
  public struct Iterator: AsyncIteratorProtocol, Sendable {
    /// The tokens so far: why they ended, and how long they took.
    public private(set) var tokens: TokenStream
    private var detokenizer: Detokenizer
    private var isFinished = false

    fileprivate init(tokens: TokenStream, detokenizer: Detokenizer) {
      (self.tokens, self.detokenizer) = (tokens, detokenizer)
    }

    /// The next piece; nil after the last.
    ///
    /// - Throws: `CancellationError`, or an `InputError` as `TokenStream.next` throws it.
    @concurrent public mutating func next() async throws -> String? {
      while !isFinished {
        try Task.checkCancellation()
        if let id = try tokens.next() {
          let piece = detokenizer.appendIfKnown(id)
          if !piece.isEmpty { return piece }
        } else {
          isFinished = true
          let rest = detokenizer.finish()
          if !rest.isEmpty { return rest }
        }
      }
      return nil
    }
  }
}

extension Detokenizer {
  /// The text that some more ids add, to its end; ids without a token add nothing.
  public mutating func text(of ids: [Int]) -> String {
    var text = ""
    for id in ids { text += appendIfKnown(id) }
    return text + finish()
  }
}

extension Tokenizer {
  /// A detokenizer that has read `prompt`: its pieces continue the prompt's text.
  ///
  /// A new detokenizer would take what follows for the beginning of a text, whose first space is dropped in many
  /// vocabularies.
  public func makeDetokenizer(after prompt: [Int]) -> Detokenizer {
    var detokenizer = makeDetokenizer()
    for id in prompt { _ = detokenizer.appendIfKnown(id) }
    return detokenizer
  }
}

extension LanguageModel {
  /// The text that continues `prompt`, piece by piece.
  ///
  /// - Parameters: as those of `TokenStream`; the prompt gets the special tokens that `tokenizer` adds.
  /// - Throws: as `TokenStream.init`, and as the tokenizer for text that it does not know.
  public func stream(
    _ prompt: String, tokenizer: some Tokenizer, sampling: Sampling = .greedy, rules: TokenRules = TokenRules(),
    maxTokens: Int, stopTokens: Set<Int>? = nil
  ) throws(InputError) -> TextStream {
    let ids = try tokenizer.encode(prompt)
    return TextStream(
      try TokenStream(
        self, after: ids, sampling: sampling, rules: rules, maxTokens: maxTokens, stopTokens: stopTokens),
      detokenizer: tokenizer.makeDetokenizer(after: ids))
  }
}
