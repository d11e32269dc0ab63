import Attention
import Foundation
import Layers
import Tensor

/// T5 (Raffel et al. 2019), of both versions: an encoder and a decoder of pre-norm blocks without biases. Positions enter
/// as one learned bias for each distance and head, which all layers of a stack share, and scores are not scaled.
///
///     let model = try T5.LanguageModel.load(from: "flan-t5-small")
///     var pass = Pass()
///     let logits = model(source, target: target, &pass)  // [batch, time, vocabulary]
public struct T5: EncoderDecoder {
  /// `[vocabulary, width]`: the table of encoder and decoder.
  public var sharedEmbedding: Embedding
  /// Reads the source.
  public var encoder: Stack
  /// Writes the target.
  public var decoder: Stack
  /// The sizes.
  public let configuration: Configuration

  /// A model whose parameters `initializer` makes.
  ///
  /// - Parameter givesScores: whether an output is tied to the embedding.
  public init(_ configuration: Configuration, givesScores: Bool = false, _ initializer: inout Initializer) {
    self.configuration = configuration
    sharedEmbedding = Embedding(
      count: configuration.vocabularySize, width: configuration.width, givesScores: givesScores,
      standardDeviation: 1, &initializer)
    encoder = Stack(configuration, .encoder, &initializer)
    decoder = Stack(configuration, .decoder, &initializer)
  }

  /// The table of encoder and decoder.
  public var table: Embedding? { sharedEmbedding }

  /// Shows the parameters under the names of the files.
  public mutating func visit(_ visitor: inout some ParameterVisitor) {
    visitor("shared", &sharedEmbedding)
    visitor("encoder", &encoder)
    visitor("decoder", &decoder)
  }
}

extension T5 {
  /// The encoder alone.
  public struct Encoder: Module {
    /// `[vocabulary, width]`
    public var embedding: Embedding
    /// The blocks.
    public var stack: Stack
    /// The sizes.
    public let configuration: Configuration

    /// An encoder whose parameters `initializer` makes.
    public init(_ configuration: Configuration, _ initializer: inout Initializer) {
      self.configuration = configuration
      embedding = Embedding(
        count: configuration.vocabularySize, width: configuration.width, standardDeviation: 1, &initializer)
      stack = Stack(configuration, .encoder, &initializer)
    }

    /// The final hidden states: `[batch, time, width]`; the pass's mask says which tokens are padding, at either side.
    public func callAsFunction(_ tokens: TokenBatch, _ pass: inout Pass) -> Tensor {
      stack(tokens, sharing: embedding, over: nil, &pass)
    }

    /// Shows the parameters under the names of the files.
    public mutating func visit(_ visitor: inout some ParameterVisitor) {
      visitor("shared", &embedding)
      visitor("encoder", &stack)
    }
  }

  /// T5 with scores of the next token. They come from the embedding's matrix (version 1.0, after a scaling by
  /// `width^-1/2`) or from one of their own (1.1).
  public struct LanguageModel: SequenceToSequenceModel {
    /// Encoder and decoder.
    public var model: T5
    /// The output's own matrix; nil where the embedding serves (tied).
    public var head: Linear?

    /// A model whose parameters `initializer` makes.
    public init(_ configuration: Configuration, hasHead: Bool = false, _ initializer: inout Initializer) {
      model = T5(configuration, givesScores: !hasHead, &initializer)
      head = hasHead ? Linear(configuration.width, configuration.vocabularySize, bias: false, &initializer) : nil
    }

    /// A model with random parameters.
    public init(_ configuration: Configuration, hasHead: Bool = false, seed: UInt64) {
      var initializer = Initializer.random(seed: seed)
      self.init(configuration, hasHead: hasHead, &initializer)
    }

    /// How many tokens the encoder knows.
    public var sourceVocabularySize: Int { model.configuration.vocabularySize }
    /// How many tokens the decoder knows.
    public var vocabularySize: Int { model.configuration.vocabularySize }
    /// Positions are relative: there may be any number.
    public var contextLength: Int { Configuration.contextLength }
    /// How many layers a cache needs.
    public var decoderLayerCount: Int { model.configuration.decoderLayerCount }
    /// How many numbers a written token's keys have in each layer.
    public var keyValueWidth: Int { model.configuration.headCount * model.configuration.headWidth }
    /// The token that the decoder begins with.
    public var decoderStartToken: Int? { model.configuration.decoderStartToken }
    /// The tokens after which a text ends.
    public var endTokens: [Int] { model.configuration.endTokens }

    /// Reads a text; the pass's mask says which tokens are padding, at either side.
    public func encode(_ tokens: TokenBatch, _ pass: inout Pass) -> EncodedSource { model.encode(tokens, &pass) }

    /// The decoder's final hidden states: `[batch, time, width]`. Tokens follow those of the pass's cache.
    public func hidden(_ tokens: TokenBatch, over source: EncodedSource, _ pass: inout Pass) -> Tensor {
      requireRoom(tokens, pass)
      return model.hidden(tokens, over: source, &pass)
    }

    /// The scores of every token: `[..., width]` to `[..., vocabulary]`.
    public func logits(_ hidden: Tensor) -> Tensor {
      let x = scaled(hidden)
      return head?(x) ?? model.sharedEmbedding.scores(x)
    }

    /// The mean cross-entropy of the scores against the targets that are not negative.
    public func crossEntropy(_ hidden: Tensor, targets: [Int32], labelSmoothing: Float) -> Tensor {
      smoothedCrossEntropy(
        scaled(hidden), head?.weight ?? model.sharedEmbedding.weight, targets: targets,
        labelSmoothing: labelSmoothing)
    }

    private func scaled(_ hidden: Tensor) -> Tensor {
      let c = model.configuration
      return c.scalesOutput ? hidden * (1 / Float(c.width).squareRoot()) : hidden
    }

    /// Shows the parameters under the names of the files.
    public mutating func visit(_ visitor: inout some ParameterVisitor) {
      model.visit(&visitor)
      visitor("lm_head", &head)
    }
  }

  /// Which of the two texts a stack is for.
  enum Side { case encoder, decoder }

  /// The blocks of an encoder or a decoder, and the norm after them.
  public struct Stack: TextStack {
    /// The blocks, first to last.
    public var blocks: [Block]
    /// The norm after the last block.
    public var finalNorm: RMSNorm
    let buckets: DistanceBuckets
    let dropout: Dropout

    init(_ c: Configuration, _ side: Side, _ initializer: inout Initializer) {
      blocks = []
      for layer in 0..<(side == .encoder ? c.layerCount : c.decoderLayerCount) {
        blocks.append(Block(c, side, layer: layer, &initializer))
      }
      finalNorm = RMSNorm(width: c.width, epsilon: c.normEpsilon, &initializer)
      buckets = DistanceBuckets(
        count: c.bucketCount, farthest: c.farthestDistance, isBidirectional: side == .encoder)
      dropout = Dropout(c.dropout)
    }

    /// What each layer sees of an encoder's states.
    public func whatIsSeen(of states: Tensor) -> [KeysAndValues] {
      blocks.compactMap { $0.cross?.attention.keysAndValues(of: states) }
    }

    /// The final hidden states: `[batch, time, width]`. A table must be there to share.
    public func callAsFunction(
      _ tokens: TokenBatch, sharing shared: Embedding?, over source: EncodedSource?, _ pass: inout Pass
    ) -> Tensor {
      guard let shared else { preconditionFailure("T5: there is no embedding") }
      precondition(pass.cache == nil || source != nil, "T5: an encoder sees all tokens at once and uses no cache")
      precondition(
        pass.positions?.areConsecutive ?? true, "T5: positions are distances between tokens that follow one another")
      let bias = bias(queries: pass.position..<pass.position + tokens.time)
      let mask = source?.mask ?? .none
      let blind = source == nil ? nil : pass.blindQueries(time: tokens.time)
      var x = dropout(shared(tokens), &pass)
      for (layer, block) in blocks.enumerated() {
        let seen = source.map { [$0.layers[layer].keys, $0.layers[layer].values] } ?? []
        x = pass.run(block, [x, bias] + seen) { block, values, pass in
          let seen = values.count > 2 ? KeysAndValues(keys: values[2], values: values[3]) : nil
          return block(values[0], bias: values[1], over: seen, mask: mask, blind: blind, &pass)
        }
      }
      return dropout(finalNorm(x), &pass)
    }

    /// The first block's biases of every query and all keys up to the last query: `[heads, queries, keys]`.
    private func bias(queries: Range<Int>) -> Tensor {
      guard let table = blocks.first?.distanceBias else { preconditionFailure("T5: no block with a table of biases") }
      let keys = queries.upperBound
      let rows = queries.flatMap { query in (0..<keys).map { Int32(buckets.index(of: $0 - query)) } }
      return table.rows(at: rows).reshaped(queries.count, keys, table.shape[1]).permuted([2, 0, 1])
    }

    /// Shows the parameters under the names of the files.
    public mutating func visit(_ visitor: inout some ParameterVisitor) {
      visitor("block", &blocks)
      visitor("final_layer_norm", &finalNorm)
    }
  }

  /// Distances in buckets: near ones have one each, far ones share, the more the farther.
  package struct DistanceBuckets: Sendable {
    let count: Int
    let farthest: Int
    let isBidirectional: Bool

    package init(count: Int, farthest: Int, isBidirectional: Bool) {
      (self.count, self.farthest, self.isBidirectional) = (count, farthest, isBidirectional)
    }

    /// The bucket of a key that is `distance` tokens after its query. Computed in Float32, as the reference does: at
    /// the edges the last bit decides.
    package func index(of distance: Int) -> Int {
      let own = isBidirectional ? count / 2 : count, near = own / 2
      let (size, first) = isBidirectional ? (abs(distance), distance > 0 ? own : 0) : (max(0, -distance), 0)
      if size < near { return first + size }
      let octaves = log(Float(size) / Float(near)) / Float(log(Double(farthest) / Double(near)))
      return first + min(near + Int(octaves * Float(own - near)), own - 1)
    }
  }

  /// One block: attention to the text itself, in a decoder attention to the source, and a feed-forward. Each is added to
  /// its input and begins with a norm.
  public struct Block: Module {
    var attention: MultiHeadAttention
    var attentionNorm: RMSNorm
    /// `[buckets, heads]`: the biases of the whole stack, in its first block.
    public var distanceBias: Tensor?
    /// Attention to the source; nil in an encoder.
    var cross: (attention: MultiHeadAttention, norm: RMSNorm)?
    var feedForward: FeedForward
    var feedForwardNorm: RMSNorm
    let layer: Int
    let dropout: Dropout

    init(_ c: Configuration, _ side: Side, layer: Int, _ initializer: inout Initializer) {
      func makeAttention() -> MultiHeadAttention {
        MultiHeadAttention(
          width: c.width, headCount: c.headCount, headWidth: c.headWidth, bias: false, scale: 1, names: .t5,
          &initializer)
      }
      func makeNorm() -> RMSNorm { RMSNorm(width: c.width, epsilon: c.normEpsilon, &initializer) }
      attention = makeAttention()
      attentionNorm = makeNorm()
      distanceBias =
        layer == 0 ? initializer.normal(Shape(c.bucketCount, c.headCount), standardDeviation: 0.02) : nil
      cross = side == .encoder ? nil : (makeAttention(), makeNorm())
      feedForward = FeedForward(c, &initializer)
      feedForwardNorm = makeNorm()
      (self.layer, dropout) = (layer, Dropout(c.dropout))
    }

    /// - Parameters:
    ///   - x: `[batch, time, width]`
    ///   - bias: `[heads, time, all tokens]`
    ///   - seen: what a decoder's block looks at; nil in an encoder.
    ///   - mask: padding of what is looked at.
    ///   - blind: 1 where a query sees no key, `[batch, time, 1]`; nil where all see some.
    /// - Returns: `[batch, time, width]`
    func callAsFunction(
      _ x: Tensor, bias: Tensor, over seen: KeysAndValues?, mask: AttentionMask, blind: Tensor?, _ pass: inout Pass
    ) -> Tensor {
      let normed = attentionNorm(x)
      var mixed =
        cross != nil
        ? attention.causal(normed, bias: bias, layer: layer, &pass)
        : attention(
          normed, over: attention.keysAndValues(of: normed), mask: pass.mask, bias: bias,
          name: "encoder.\(layer).attention", &pass)
      if let blind {
        let all = attention.value(normed).mean(axis: 1)
        mixed = mixed + blind * attention.output(all.reshaped(all.shape[0], 1, all.shape[1]))
      }
      var x = x + dropout(mixed, &pass)
      if let cross, let seen {
        x =
          x
          + dropout(
            cross.attention(cross.norm(x), over: seen, mask: mask, name: "\(layer).cross_attention", &pass), &pass)
      }
      return x + dropout(feedForward(feedForwardNorm(x), &pass), &pass)
    }

    /// Shows the parameters under the names of the files.
    public mutating func visit(_ visitor: inout some ParameterVisitor) {
      visitor("layer.0.SelfAttention", &attention)
      visitor("layer.0.SelfAttention.relative_attention_bias.weight", &distanceBias)
      visitor("layer.0.layer_norm", &attentionNorm)
      if cross != nil {
        visitor("layer.1.EncDecAttention", &cross!.attention)
        visitor("layer.1.layer_norm", &cross!.norm)
      }
      let last = cross == nil ? "layer.1" : "layer.2"
      visitor(last + ".DenseReluDense", &feedForward)
      visitor(last + ".layer_norm", &feedForwardNorm)
    }
  }

  /// Two maps with an activation between (version 1.0), or the gated feed-forward (Shazeer 2020), without biases:
  /// `down(activation(gate(x)) * up(x))`.
  struct FeedForward: Module {
    /// nil where there is no gate.
    var gate: Linear?
    var up: Linear
    var down: Linear
    let activation: Activation
    let dropout: Dropout

    init(_ c: Configuration, _ initializer: inout Initializer) {
      gate = c.isGated ? Linear(c.width, c.feedForwardWidth, bias: false, &initializer) : nil
      up = Linear(c.width, c.feedForwardWidth, bias: false, &initializer)
      down = Linear(c.feedForwardWidth, c.width, bias: false, &initializer)
      (activation, dropout) = (c.activation, Dropout(c.dropout))
    }

    func callAsFunction(_ x: Tensor, _ pass: inout Pass) -> Tensor {
      let inner = gate.map { $0(x, activation: activation) * up(x) } ?? up(x, activation: activation)
      return down(dropout(inner, &pass))
    }

    mutating func visit(_ visitor: inout some ParameterVisitor) {
      visitor("wi_0", &gate)
      visitor(gate == nil ? "wi" : "wi_1", &up)
      visitor("wo", &down)
    }
  }
}

extension Pass {
  /// The causal queries that see nothing but padding: 1 for those, `[batch, time, 1]`; nil where there are none.
  ///
  /// T5 masks by adding the least number to scores, so that such queries see all keys alike, where other models see none.
  fileprivate func blindQueries(time: Int) -> Tensor? {
    guard let kept = mask.keptKeys, cache == nil, kept.contains(where: { $0.first == false }) else { return nil }
    let marks = kept.flatMap { row in
      let first = row.firstIndex(of: true) ?? row.count
      return row.indices.map { Float($0 < first ? 1 : 0) }
    }
    return Tensor(marks, shape: Shape(kept.count, time, 1))
  }
}
