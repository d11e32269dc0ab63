import Formats
import Models
import Tensor
import Tokenizers

/// Tokens that continue a prompt, and what they took.
public struct GeneratedTokens: Sendable {
  /// The new tokens, without the prompt and without a stop token.
  public let ids: [Int]
  /// Why they end.
  public let end: TokenStream.End
  /// How long prompt and new tokens took.
  public let timing: Timing
  /// The most memory that the process has had in use until then.
  public let peakBytes: Int
}

extension LanguageModel {
  /// The tokens that continue `prompt`, all at once.
  ///
  /// - Parameters: as those of `TokenStream`.
  /// - Throws: as `TokenStream`.
  public func generate(
    after prompt: [Int], sampling: Sampling = .greedy, rules: TokenRules = TokenRules(), maxTokens: Int,
    stopTokens: Set<Int>? = nil
  ) throws(InputError) -> GeneratedTokens {
    var stream = try TokenStream(
      self, after: prompt, sampling: sampling, rules: rules, maxTokens: maxTokens, stopTokens: stopTokens)
    var ids: [Int] = []
    while let id = try stream.next() { ids.append(id) }
    return GeneratedTokens(
      ids: ids, end: stream.end ?? .maxTokens, timing: stream.timing, peakBytes: Memory.processPeakBytes)
  }

  /// The text that continues `prompt`, all at once, with its tokens.
  ///
  /// - Parameters: as those of `TokenStream`; the prompt gets the special tokens that `tokenizer` adds.
  /// - Returns: the new text, special tokens included, without the prompt; ids without a token add nothing to it.
  /// - Throws: as `TokenStream`, and as the tokenizer for text that it does not know.
  public func generate(
    after prompt: String, tokenizer: some Tokenizer, sampling: Sampling = .greedy, rules: TokenRules = TokenRules(),
    maxTokens: Int, stopTokens: Set<Int>? = nil
  ) throws(InputError) -> (text: String, tokens: GeneratedTokens) {
    let ids = try tokenizer.encode(prompt)
    let tokens = try generate(
      after: ids, sampling: sampling, rules: rules, maxTokens: maxTokens, stopTokens: stopTokens)
    var detokenizer = tokenizer.makeDetokenizer(after: ids)
    return (detokenizer.text(of: tokens.ids), tokens)
  }
}
