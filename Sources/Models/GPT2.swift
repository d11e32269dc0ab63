import Attention
import Checkpoints
import Formats
import Layers
import Tensor

/// GPT-2 (Radford et al. 2019): pre-norm blocks, learned positions, output tied to the input embedding.
public struct GPT2: LanguageModel {
  /// The model without its head.
  public var decoder: Decoder
  /// The output's own matrix; nil where the embedding serves (tied).
  public var head: Linear?
  /// The sizes.
  public let configuration: Configuration

  /// A model whose parameters `initializer` makes.
  public init(_ configuration: Configuration, hasHead: Bool = false, _ initializer: inout Initializer) {
    self.configuration = configuration
    decoder = Decoder(configuration, givesScores: !hasHead, &initializer)
    head = hasHead ? Linear(configuration.width, configuration.vocabularySize, bias: false, &initializer) : nil
  }

  /// A model with random parameters, as GPT-2 initialises them.
  public init(_ configuration: Configuration, seed: UInt64) {
    var initializer = Initializer.random(seed: seed)
    self.init(configuration, &initializer)
  }

  /// How many tokens it knows.
  public var vocabularySize: Int { configuration.vocabularySize }
  /// The most positions it can use.
  public var contextLength: Int { configuration.contextLength }
  /// How many layers a cache needs.
  public var layerCount: Int { configuration.layerCount }
  /// How many numbers a token's keys have in each layer.
  public var keyValueWidth: Int { configuration.width }
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
    visitor("transformer", &decoder)
    visitor("lm_head", &head)
  }
}

extension GPT2 {
  /// The stack of blocks between embedding and head.
  public struct Decoder: DecoderBase {
    /// `[vocabulary, width]`
    public var tokenEmbedding: Embedding
    /// `[contextLength, width]`
    public var positionEmbedding: Embedding
    /// The blocks, first to last.
    public var blocks: [Block]
    /// The norm after the last block.
    public var finalNorm: LayerNorm
    let dropout: Dropout

    /// A stack whose parameters `initializer` makes.
    public init(_ c: Configuration, _ initializer: inout Initializer) {
      self.init(c, givesScores: false, &initializer)
    }

    /// - Parameter givesScores: whether the output is tied to the embedding.
    init(_ c: Configuration, givesScores: Bool, _ initializer: inout Initializer) {
      tokenEmbedding = Embedding(
        count: c.vocabularySize, width: c.width, givesScores: givesScores, &initializer)
      positionEmbedding = Embedding(count: c.contextLength, width: c.width, &initializer)
      blocks = []
      for layer in 0..<c.layerCount { blocks.append(Block(c, layer: layer, &initializer)) }
      finalNorm = LayerNorm(width: c.width, epsilon: c.normEpsilon, bias: c.hasBiases, &initializer)
      dropout = Dropout(c.dropout)
    }

    /// - Parameter tokenTypes: tokens whose vectors are added to those of `tokens`.
    /// - Returns: `[batch, time, width]`
    public func callAsFunction(_ tokens: TokenBatch, tokenTypes: TokenBatch?, _ pass: inout Pass) -> Tensor {
      let positions =
        pass.positions.map { $0.rows(of: positionEmbedding.weight) }
        ?? positionEmbedding.weight.slice(pass.position..<pass.position + tokens.time, axis: 0)
      var x = tokenEmbedding(tokens) + positions
      if let tokenTypes { x = x + tokenEmbedding(tokenTypes) }
      x = dropout(x, &pass)
      for block in blocks { x = pass.run(block, x) { block, x, pass in block(x, &pass) } }
      pass.cache?.advance(by: tokens.time)
      return finalNorm(x)
    }

    /// Shows the parameters under the names of the files.
    public mutating func visit(_ visitor: inout some ParameterVisitor) {
      visitor("wte", &tokenEmbedding)
      visitor("wpe", &positionEmbedding)
      visitor("h", &blocks)
      visitor("ln_f", &finalNorm)
    }
  }

  /// One pre-norm block: `x + attention(norm(x))`, then `x + feedForward(norm(x))`.
  public struct Block: Module {
    var attentionNorm: LayerNorm
    var attention: PackedAttention
    var feedForwardNorm: LayerNorm
    var feedForward: FeedForward

    init(_ c: Configuration, layer: Int, _ initializer: inout Initializer) {
      attentionNorm = LayerNorm(width: c.width, epsilon: c.normEpsilon, bias: c.hasBiases, &initializer)
      attention = PackedAttention(c, layer: layer, &initializer)
      feedForwardNorm = LayerNorm(width: c.width, epsilon: c.normEpsilon, bias: c.hasBiases, &initializer)
      feedForward = FeedForward(c, &initializer)
    }

    /// - Parameter x: `[batch, time, width]`
    /// - Returns: `[batch, time, width]`
    public func callAsFunction(_ x: Tensor, _ pass: inout Pass) -> Tensor {
      let x = x + attention(attentionNorm(x), &pass)
      return x + feedForward(feedForwardNorm(x), &pass)
    }

    /// Shows the parameters under the names of the files.
    public mutating func visit(_ visitor: inout some ParameterVisitor) {
      visitor("ln_1", &attentionNorm)
      visitor("attn", &attention)
      visitor("ln_2", &feedForwardNorm)
      visitor("mlp", &feedForward)
    }
  }

  /// Causal self-attention whose queries, keys and values come from one projection.
  struct PackedAttention: Module {
    var projection: Conv1D
    var output: Conv1D
    let headCount: Int
    let layer: Int
    let scale: Float
    let dropout: Dropout

    init(_ c: Configuration, layer: Int, _ initializer: inout Initializer) {
      projection = Conv1D(c.width, 3 * c.width, bias: c.hasBiases, &initializer)
      output = Conv1D(
        c.width, c.width, bias: c.hasBiases, standardDeviation: c.residualDeviation, &initializer)
      (headCount, self.layer, scale, dropout) = (c.headCount, layer, c.scoreScale(layer: layer), Dropout(c.dropout))
    }

    func callAsFunction(_ x: Tensor, _ pass: inout Pass) -> Tensor {
      let heads = pass.attendCausally(packed: projection(x), headCount: headCount, layer: layer, scale: scale)
      return dropout(output(heads), &pass)
    }

    mutating func visit(_ visitor: inout some ParameterVisitor) {
      visitor("c_attn", &projection)
      visitor("c_proj", &output)
    }
  }

  /// Two maps with an activation between.
  struct FeedForward: Module {
    var up: Conv1D
    var down: Conv1D
    let activation: Activation
    let dropout: Dropout

    init(_ c: Configuration, _ initializer: inout Initializer) {
      up = Conv1D(c.width, c.feedForwardWidth, bias: c.hasBiases, &initializer)
      down = Conv1D(
        c.feedForwardWidth, c.width, bias: c.hasBiases, standardDeviation: c.residualDeviation, &initializer)
      (activation, dropout) = (c.activation, Dropout(c.dropout))
    }

    func callAsFunction(_ x: Tensor, _ pass: inout Pass) -> Tensor {
      dropout(down(up(x, activation: activation)), &pass)
    }

    mutating func visit(_ visitor: inout some ParameterVisitor) {
      visitor("c_fc", &up)
      visitor("c_proj", &down)
    }
  }
}
