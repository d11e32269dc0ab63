import Attention
import Formats
import Layers
import Models
import Tensor

extension LanguageModel {
  /// Where each token of a text looks: the attention weights of every layer, by one forward pass.
  ///
  /// - Parameter tokens: token ids, at least one.
  /// - Returns: for each layer, `[heads, queries, keys]`. Each row of a query sums to 1; keys after it have weight 0.
  /// - Throws: `badValue` for no tokens or an id outside the vocabulary, `tooLarge` for more tokens than the context has,
  ///   `unsupported` for a model that lets nobody see its attention, `nonFinite` where a damaged model's weights are no
  ///   numbers.
  public func attention(over tokens: [Int]) throws(InputError) -> [Tensor] {
    guard !tokens.isEmpty else {
      throw InputError(.badValue, "there are no tokens to look at", at: "tokens", advice: "Give one token or more.")
    }
    try check(tokens)
    var pass = Pass(capture: Capture { $0.hasSuffix(".attention") })
    _ = hidden(TokenBatch(tokens), &pass)
    var layers: [Tensor] = []
    for layer in 0..<layerCount {
      guard let weights = pass.capture?["\(layer).attention"], weights.rank == 4, weights.shape[0] == 1,
        weights.shape[2] == tokens.count, weights.shape[3] == tokens.count
      else {
        throw InputError(.unsupported, "\(Self.self) does not show the attention of layer \(layer)", at: "model")
      }
      guard weights.withScalars({ $0.allSatisfy(\.isFinite) }) else {
        throw InputError(
          .nonFinite, "the attention of layer \(layer) is no number", at: "model", advice: "Its weights are damaged.")
      }
      layers.append(weights.reshaped(weights.shape[1], tokens.count, tokens.count))
    }
    return layers
  }
}
