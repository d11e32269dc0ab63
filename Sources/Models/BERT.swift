import Attention
import Checkpoints
import Formats
import Layers
import Tensor

/// BERT (Devlin et al. 2018), and the encoders that have its blocks, RoBERTa and DistilBERT: post-norm blocks, learned
/// positions, every token sees every other.
///
///     let model = try BERT.With<BERT.MaskedLanguageHead>.load(from: "bert-base-uncased")
///     var pass = Pass(mask: .lengths([9, 5], of: 9))
///     let logits = model(tokens, &pass)  // [batch, time, vocabulary]
public struct BERT: Module {
  /// What the blocks begin with.
  public var embeddings: Embeddings
  /// The blocks, first to last.
  public var blocks: [Block]
  /// `tanh` of a map of the first token's state; nil where no head reads it.
  public var pooler: Linear?
  /// The sizes.
  public let configuration: Configuration

  /// A model whose parameters `initializer` makes. DistilBERT has no pooler.
  ///
  /// - Parameter givesScores: whether an output is tied to the embedding.
  public init(
    _ configuration: Configuration, hasPooler: Bool = true, givesScores: Bool = false,
    _ initializer: inout Initializer
  ) {
    let c = configuration
    self.configuration = c
    embeddings = Embeddings(c, givesScores: givesScores, &initializer)
    blocks = []
    for layer in 0..<c.layerCount { blocks.append(Block(c, layer: layer, &initializer)) }
    pooler = hasPooler && c.family != .distilBERT ? Linear(c.width, c.width, bias: true, &initializer) : nil
  }

  /// A model with random parameters, as BERT initialises them.
  public init(_ configuration: Configuration, seed: UInt64) {
    var initializer = Initializer.random(seed: seed)
    self.init(configuration, &initializer)
  }

  /// What an encoder makes of its tokens.
  public struct States: Sendable {
    /// The final hidden states: `[batch, time, width]`.
    public var hidden: Tensor
    /// The pooler's output: `[batch, width]`; nil where the model has none.
    public var pooled: Tensor?
    /// The table of the tokens, for a head that scores with it.
    var tokenEmbedding: Embedding

    /// The first token's state: `[batch, width]`.
    var first: Tensor {
      hidden.slice(0..<1, axis: 1).reshaped(hidden.shape[0], hidden.shape[2])
    }

    func requiredPooled(_ head: String) -> Tensor {
      guard let pooled else { preconditionFailure("\(head): the model has no pooler") }
      return pooled
    }
  }

  /// Checks that a text from outside can be given to this model: ids in the vocabulary, positions in the context.
  ///
  /// - Throws: `badValue` for an id outside the vocabulary, `tooLarge` for more positions than the context has.
  public func check(_ tokens: [Int]) throws(InputError) {
    try checkTokens(
      tokens, vocabularySize: configuration.vocabularySize, contextLength: configuration.contextLength)
  }

  /// Encodes tokens; the pass's mask says which are padding, at either side, and its positions, where it has any, which
  /// rows of the table of positions are theirs.
  ///
  /// - Parameter tokenTypes: the type of each token; 0 unless given. A family without types takes none.
  public func callAsFunction(_ tokens: TokenBatch, tokenTypes: TokenBatch? = nil, _ pass: inout Pass) -> States {
    precondition(pass.cache == nil, "BERT: an encoder sees all tokens at once and uses no cache")
    precondition(
      tokens.time <= configuration.contextLength,
      "BERT: \(tokens.time) tokens in a context of \(configuration.contextLength)")
    var x = embeddings(tokens, tokenTypes: tokenTypes, &pass)
    for block in blocks { x = pass.run(block, x) { block, x, pass in block(x, &pass) } }
    var states = States(hidden: x, pooled: nil, tokenEmbedding: embeddings.token)
    states.pooled = pooler?(states.first, activation: .tanh)
    return states
  }

  /// Shows the parameters under the names of the files.
  public mutating func visit(_ visitor: inout some ParameterVisitor) {
    visitor("embeddings", &embeddings)
    visitor(configuration.family == .distilBERT ? "transformer.layer" : "encoder.layer", &blocks)
    visitor("pooler.dense", &pooler)
  }
}

extension BERT {
  /// The sum of what is known of a token, its place and its type, normalised.
  public struct Embeddings: Module {
    /// `[vocabulary, width]`
    public var token: Embedding
    /// `[positions, width]`
    public var position: Embedding
    /// `[types, width]`; nil where tokens have no types.
    public var tokenType: Embedding?
    var norm: LayerNorm
    let firstPosition: Int
    /// The token that has no position of its own, where there is one.
    let uncounted: Int?
    let dropout: Dropout

    init(_ c: Configuration, givesScores: Bool, _ initializer: inout Initializer) {
      token = Embedding(count: c.vocabularySize, width: c.width, givesScores: givesScores, &initializer)
      position = Embedding(count: c.positionCount, width: c.width, &initializer)
      tokenType =
        c.tokenTypeCount > 0 ? Embedding(count: c.tokenTypeCount, width: c.width, &initializer) : nil
      norm = LayerNorm(width: c.width, epsilon: c.normEpsilon, &initializer)
      firstPosition = c.firstPosition
      uncounted = c.family.countsPositionsAfterPadding ? c.firstPosition - 1 : nil
      dropout = Dropout(c.dropout)
    }

    /// - Returns: `[batch, time, width]`
    func callAsFunction(_ tokens: TokenBatch, tokenTypes: TokenBatch?, _ pass: inout Pass) -> Tensor {
      var x = token(tokens)
      if let tokenType {
        let types = tokenTypes ?? TokenBatch(tokens.ids.map { _ in 0 }, batch: tokens.batch, time: tokens.time)
        precondition(
          types.batch == tokens.batch && types.time == tokens.time,
          "BERT: types of \(types.batch) rows of \(types.time) for \(tokens.batch) rows of \(tokens.time) tokens")
        x = x + tokenType(types)
      } else {
        precondition(tokenTypes == nil, "BERT: this family's tokens have no types")
      }
      let places = pass.positions?.places ?? positions(tokens)
      precondition(
        places.batch == tokens.batch && places.time == tokens.time,
        "BERT: positions of \(places.batch) rows of \(places.time) for \(tokens.batch) rows of \(tokens.time) tokens")
      return dropout(norm(x + position(places)), &pass)
    }

    private func positions(_ tokens: TokenBatch) -> TokenBatch {
      var result = tokens
      for row in 0..<tokens.batch {
        var next = Int32(firstPosition)
        for i in row * tokens.time..<(row + 1) * tokens.time {
          let isCounted = uncounted.map { Int(tokens.ids[i]) != $0 } ?? true
          result.ids[i] = isCounted ? next : Int32(firstPosition - 1)
          if isCounted { next += 1 }
        }
      }
      return result
    }

    /// Shows the parameters under the names of the files.
    public mutating func visit(_ visitor: inout some ParameterVisitor) {
      visitor("word_embeddings", &token)
      visitor("position_embeddings", &position)
      visitor("token_type_embeddings", &tokenType)
      visitor("LayerNorm", &norm)
    }
  }

  /// One post-norm block: `norm(x + attention(x))`, then `norm(x + feedForward(x))`.
  public struct Block: Module {
    var attention: SelfAttention
    var attentionNorm: LayerNorm
    var up: Linear
    var down: Linear
    var feedForwardNorm: LayerNorm
    let names: Names
    let layer: Int
    let activation: Activation
    let dropout: Dropout

    init(_ c: Configuration, layer: Int, _ initializer: inout Initializer) {
      names = c.family == .distilBERT ? .distilBERT : .bert
      var attention = SelfAttention.Configuration(width: c.width, headCount: c.headCount)
      (attention.biases, attention.mask, attention.names) = (.all, c.isDecoder ? .causal : .none, names.attention)
      self.attention = SelfAttention(attention, &initializer)
      attentionNorm = LayerNorm(width: c.width, epsilon: c.normEpsilon, &initializer)
      up = Linear(c.width, c.feedForwardWidth, bias: true, &initializer)
      down = Linear(c.feedForwardWidth, c.width, bias: true, &initializer)
      feedForwardNorm = LayerNorm(width: c.width, epsilon: c.normEpsilon, &initializer)
      (self.layer, activation, dropout) = (layer, c.activation, Dropout(c.dropout))
    }

    /// - Parameter x: `[batch, time, width]`
    /// - Returns: `[batch, time, width]`
    public func callAsFunction(_ x: Tensor, _ pass: inout Pass) -> Tensor {
      let x = attentionNorm(x + dropout(attention(x, layer: layer, &pass), &pass))
      return feedForwardNorm(x + dropout(down(up(x, activation: activation)), &pass))
    }

    /// The names that a family's files have for the parts of a block.
    struct Names {
      let attention: SelfAttention.Names
      let attentionNorm: String
      let feedForward: (up: String, down: String, norm: String)

      static let bert = Names(
        attention: .init(
          query: "attention.self.query", key: "attention.self.key", value: "attention.self.value",
          output: "attention.output.dense"),
        attentionNorm: "attention.output.LayerNorm",
        feedForward: ("intermediate.dense", "output.dense", "output.LayerNorm"))
      static let distilBERT = Names(
        attention: .init(
          query: "attention.q_lin", key: "attention.k_lin", value: "attention.v_lin", output: "attention.out_lin"),
        attentionNorm: "sa_layer_norm", feedForward: ("ffn.lin1", "ffn.lin2", "output_layer_norm"))
    }

    /// Shows the parameters under the names of the files.
    public mutating func visit(_ visitor: inout some ParameterVisitor) {
      attention.visit(&visitor)
      visitor(names.attentionNorm, &attentionNorm)
      visitor(names.feedForward.up, &up)
      visitor(names.feedForward.down, &down)
      visitor(names.feedForward.norm, &feedForwardNorm)
    }
  }
}
