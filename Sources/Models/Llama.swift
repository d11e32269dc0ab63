import Attention
import Checkpoints
import Formats
import Layers
import Tensor

/// Llama (Touvron et al. 2023): RMS norms, rotary positions, grouped key-value heads, SwiGLU; and Mistral, Qwen2 and Qwen3,
/// which have its blocks.
public struct Llama: LanguageModel {
  /// The model without its head.
  public var decoder: Decoder
  /// The output's own matrix; nil where the embedding serves (tied).
  public var head: Linear?
  /// The sizes.
  public let configuration: Configuration

  /// A model whose parameters `initializer` makes.
  public init(_ configuration: Configuration, hasHead: Bool, _ initializer: inout Initializer) {
    self.configuration = configuration
    decoder = Decoder(configuration, givesScores: !hasHead, &initializer)
    head = hasHead ? Linear(configuration.width, configuration.vocabularySize, bias: false, &initializer) : nil
  }

  /// A model with random parameters; its head is its own unless the configuration ties it.
  public init(_ configuration: Configuration, seed: UInt64) {
    var initializer = Initializer.random(seed: seed)
    self.init(configuration, hasHead: !configuration.tiesHead, &initializer)
  }

  /// How many tokens it knows.
  public var vocabularySize: Int { configuration.vocabularySize }
  /// No number of positions is too many: rotary ones go on.
  public var contextLength: Int { configuration.positionLimit }
  /// The positions that it is made for.
  public var trainedContextLength: Int { configuration.contextLength }
  /// How many layers a cache needs.
  public var layerCount: Int { configuration.layerCount }
  /// How many numbers a token's keys have in each layer.
  public var keyValueWidth: Int { configuration.keyValueHeadCount * configuration.headWidth }
  /// The layers whose queries see only the last tokens, and how many.
  public var slidingWindows: [Int: Int] {
    guard let window = configuration.slidingWindow else { return [:] }
    let layers = (0..<layerCount).filter { !configuration.fullLayers.contains($0) }
    return Dictionary(uniqueKeysWithValues: layers.map { ($0, window) })
  }
  /// The tokens after which a text ends.
  public var endTokens: [Int] { configuration.endTokens }

  /// The final hidden states: `[batch, time, width]`. Tokens follow those of the pass's cache.
  public func hidden(_ tokens: TokenBatch, _ pass: inout Pass) -> Tensor {
    requireRoom(tokens, pass)
    return decoder(tokens, &pass)
  }

  /// The scores of every token: `[..., width]` to `[..., vocabulary]`.
  public func logits(_ hidden: Tensor) -> Tensor { head?(hidden) ?? decoder.tokenEmbedding.scores(hidden) }
  /// The mean cross-entropy of the scores against the targets that are not negative.
  public func crossEntropy(_ hidden: Tensor, targets: [Int32]) -> Tensor {
    head?.crossEntropy(hidden, targets: targets) ?? decoder.tokenEmbedding.crossEntropy(hidden, targets: targets)
  }

  /// Shows the parameters under the names of the files.
  public mutating func visit(_ visitor: inout some ParameterVisitor) {
    visitor("model", &decoder)
    visitor("lm_head", &head)
  }
}

extension Llama {
  /// The stack of blocks between embedding and head.
  public struct Decoder: DecoderBase {
    /// `[vocabulary, width]`
    public var tokenEmbedding: Embedding
    /// The blocks, first to last.
    public var blocks: [Block]
    /// The norm after the last block.
    public var finalNorm: RMSNorm

    /// A stack whose parameters `initializer` makes.
    public init(_ c: Configuration, _ initializer: inout Initializer) {
      self.init(c, givesScores: false, &initializer)
    }

    /// - Parameter givesScores: whether the output is tied to the embedding.
    init(_ c: Configuration, givesScores: Bool, _ initializer: inout Initializer) {
      tokenEmbedding = Embedding(
        count: c.vocabularySize, width: c.width, givesScores: givesScores, &initializer)
      let positions = RotaryPositions(
        headWidth: c.headWidth, theta: c.ropeTheta, scaling: c.ropeScaling)
      blocks = []
      for layer in 0..<c.layerCount { blocks.append(Block(c, layer: layer, positions, &initializer)) }
      finalNorm = RMSNorm(width: c.width, epsilon: c.normEpsilon, &initializer)
    }

    /// - Returns: `[batch, time, width]`
    public func callAsFunction(_ tokens: TokenBatch, tokenTypes: TokenBatch?, _ pass: inout Pass) -> Tensor {
      precondition(tokenTypes == nil, "Llama: tokens have no types")
      var x = tokenEmbedding(tokens)
      for block in blocks { x = pass.run(block, x) { block, x, pass in block(x, &pass) } }
      pass.cache?.advance(by: tokens.time)
      return finalNorm(x)
    }

    /// Shows the parameters under the names of the files.
    public mutating func visit(_ visitor: inout some ParameterVisitor) {
      visitor("embed_tokens", &tokenEmbedding)
      visitor("layers", &blocks)
      visitor("norm", &finalNorm)
    }
  }

  /// One pre-norm block: `x + attention(norm(x))`, then `x + feedForward(norm(x))`.
  public struct Block: Module {
    var attentionNorm: RMSNorm
    var attention: SelfAttention
    var feedForwardNorm: RMSNorm
    var feedForward: FeedForward
    let layer: Int

    init(_ c: Configuration, layer: Int, _ positions: RotaryPositions, _ initializer: inout Initializer) {
      attentionNorm = RMSNorm(width: c.width, epsilon: c.normEpsilon, &initializer)
      attention = SelfAttention(c.attention(layer: layer, positions), &initializer)
      feedForwardNorm = RMSNorm(width: c.width, epsilon: c.normEpsilon, &initializer)
      feedForward = FeedForward(c, &initializer)
      self.layer = layer
    }

    /// - Parameter x: `[batch, time, width]`
    /// - Returns: `[batch, time, width]`
    public func callAsFunction(_ x: Tensor, _ pass: inout Pass) -> Tensor {
      let x = x + attention(attentionNorm(x), layer: layer, &pass)
      return x + feedForward(feedForwardNorm(x))
    }

    /// Shows the parameters under the names of the files.
    public mutating func visit(_ visitor: inout some ParameterVisitor) {
      visitor("input_layernorm", &attentionNorm)
      visitor("self_attn", &attention)
      visitor("post_attention_layernorm", &feedForwardNorm)
      visitor("mlp", &feedForward)
    }
  }

  /// The gated feed-forward (Shazeer 2020): `down(activation(gate(x)) * up(x))`.
  struct FeedForward: Module {
    var gate: Linear
    var up: Linear
    var down: Linear
    let activation: Activation

    init(_ c: Configuration, _ initializer: inout Initializer) {
      gate = Linear(c.width, c.feedForwardWidth, bias: c.hasFeedForwardBiases, &initializer)
      up = Linear(c.width, c.feedForwardWidth, bias: c.hasFeedForwardBiases, &initializer)
      down = Linear(c.feedForwardWidth, c.width, bias: c.hasFeedForwardBiases, &initializer)
      activation = c.activation
    }

    func callAsFunction(_ x: Tensor) -> Tensor { down(gate(x, activation: activation) * up(x)) }

    mutating func visit(_ visitor: inout some ParameterVisitor) {
      visitor("gate_proj", &gate)
      visitor("up_proj", &up)
      visitor("down_proj", &down)
    }
  }
}
