import Attention
import Formats
import Layers
import Tensor

/// The original Transformer (Vaswani et al. 2017), an encoder and a decoder that attends to it, and the families with its
/// blocks: BART (Lewis et al. 2019), mBART, Marian and Pegasus. They differ in where norms stand, in positions and in
/// names.
///
///     let model = try Transformer.With<Transformer.LanguageHead>.load(from: "opus-mt-en-de")
///     var pass = Pass()
///     let logits = model(source, target: target, &pass)  // [batch, time, vocabulary]
public struct Transformer: EncoderDecoder {
  /// `[vocabulary, width]`: the table that encoder and decoder use where they have none of their own.
  public var sharedEmbedding: Embedding?
  /// Reads the source.
  public var encoder: Stack
  /// Writes the target.
  public var decoder: Stack
  /// The sizes.
  public let configuration: Configuration

  /// A model whose parameters `initializer` makes.
  ///
  /// - Parameters:
  ///   - tables: which tables of its own the model has; those that the family begins with unless given.
  ///   - givesScores: whether an output is tied to the embedding.
  public init(
    _ configuration: Configuration, tables: Tables? = nil, givesScores: Bool = false, _ initializer: inout Initializer
  ) {
    let c = configuration, tables = tables ?? Tables(c)
    self.configuration = c
    sharedEmbedding =
      tables.hasShared
      ? Embedding(count: c.vocabularySize, width: c.width, givesScores: givesScores, &initializer) : nil
    encoder = Stack(c, .encoder, tables, &initializer)
    decoder = Stack(c, .decoder, tables, givesScores: givesScores && !tables.hasShared, &initializer)
  }

  /// The table that encoder and decoder use where they have none of their own.
  public var table: Embedding? { sharedEmbedding }

  /// Shows the parameters under the names of the files.
  public mutating func visit(_ visitor: inout some ParameterVisitor) {
    visitor("shared", &sharedEmbedding)
    visitor("encoder", &encoder)
    visitor("decoder", &decoder)
  }
}

extension Transformer {
  /// Which tables a model has besides its blocks.
  public struct Tables: Sendable, Equatable {
    /// Whether there is a table that encoder and decoder can share.
    public var hasShared: Bool
    /// Whether the encoder has one of its own.
    public var encoderHasOwn: Bool
    /// Whether the decoder has one of its own.
    public var decoderHasOwn: Bool
    /// Whether the output has one of its own, or else uses the shared one, or the decoder's.
    public var outputHasOwn = false
    /// Whether the encoder's positions are a table, and not computed.
    public var encoderHasPositions: Bool
    /// Whether the decoder's positions are a table, and not computed.
    public var decoderHasPositions: Bool
    /// Whether each token's score has an offset.
    public var hasScoreOffsets = false

    /// What a new model of the family has.
    public init(_ c: Configuration) {
      hasShared = c.sharesEmbeddings
      (encoderHasOwn, decoderHasOwn) = (!c.sharesEmbeddings, !c.sharesEmbeddings)
      (encoderHasPositions, decoderHasPositions) = (c.family.learnsPositions, c.family.learnsPositions)
    }
  }

  /// Which of the two texts a stack is for.
  enum Side { case encoder, decoder }

  /// The blocks of an encoder or a decoder, with what is before and after them.
  public struct Stack: TextStack {
    /// `[vocabulary, width]`; nil where the shared one serves.
    public var embedding: Embedding?
    /// `[positions, width]`; nil where positions are computed.
    public var positions: Embedding?
    var embeddingNorm: LayerNorm?
    /// The blocks, first to last.
    public var blocks: [Block]
    var finalNorm: LayerNorm?
    let width: Int
    let embeddingScale: Float
    let positionOffset: Int
    let sinusoids: SinusoidLayout
    let dropout: Dropout

    init(
      _ c: Configuration, _ side: Side, _ tables: Tables, givesScores: Bool = false, _ initializer: inout Initializer
    ) {
      let isEncoder = side == .encoder
      embedding =
        (isEncoder ? tables.encoderHasOwn : tables.decoderHasOwn)
        ? Embedding(
          count: isEncoder ? c.vocabularySize : c.targetVocabularySize, width: c.width, givesScores: givesScores,
          &initializer) : nil
      positionOffset = c.family.positionOffset
      positions =
        (isEncoder ? tables.encoderHasPositions : tables.decoderHasPositions)
        ? Embedding(count: c.contextLength + positionOffset, width: c.width, &initializer) : nil
      func norm() -> LayerNorm { LayerNorm(width: c.width, epsilon: Configuration.normEpsilon, &initializer) }
      embeddingNorm = c.family.normalizesEmbeddings ? norm() : nil
      blocks = []
      for layer in 0..<(isEncoder ? c.encoderLayerCount : c.decoderLayerCount) {
        blocks.append(Block(c, side, layer: layer, &initializer))
      }
      finalNorm = c.norm == .before ? norm() : nil
      width = c.width
      embeddingScale = c.scalesEmbeddings ? Float(c.width).squareRoot() : 1
      sinusoids = c.family == .transformer ? .interleaved : .halves
      dropout = Dropout(c.dropout)
    }

    /// What each layer sees of an encoder's states.
    public func whatIsSeen(of states: Tensor) -> [KeysAndValues] {
      blocks.compactMap { $0.cross?.attention.keysAndValues(of: states) }
    }

    /// The final hidden states: `[batch, time, width]`.
    public func callAsFunction(
      _ tokens: TokenBatch, sharing shared: Embedding?, over source: EncodedSource?, _ pass: inout Pass
    ) -> Tensor {
      guard let table = embedding ?? shared else { preconditionFailure("Transformer: there is no embedding") }
      var x = table(tokens)
      if embeddingScale != 1 { x = x * embeddingScale }
      x = x + positions(of: tokens, pass)
      x = dropout(embeddingNorm?(x) ?? x, &pass)
      let mask = source?.mask ?? .none
      for (layer, block) in blocks.enumerated() {
        let seen = source.map { [$0.layers[layer].keys, $0.layers[layer].values] } ?? []
        x = pass.run(block, [x] + seen) { block, values, pass in
          let seen = values.count > 1 ? KeysAndValues(keys: values[1], values: values[2]) : nil
          return block(values[0], over: seen, mask: mask, &pass)
        }
      }
      return finalNorm?(x) ?? x
    }

    /// `[batch, time, width]`, or `[time, width]` where all rows have the same.
    private func positions(of tokens: TokenBatch, _ pass: Pass) -> Tensor {
      let range = pass.position..<pass.position + tokens.time
      switch (positions?.weight, pass.positions) {
      case (let table?, let places?): return places.rows(of: table, from: positionOffset)
      case (let table?, nil):
        return table.slice(range.lowerBound + positionOffset..<range.upperBound + positionOffset, axis: 0)
      case (nil, let places?):
        return places.rows(of: sinusoidalPositions(count: places.limit, width: width, layout: sinusoids))
      case (nil, nil):
        return sinusoidalPositions(from: range.lowerBound, count: range.count, width: width, layout: sinusoids)
      }
    }

    /// Shows the parameters under the names of the files.
    public mutating func visit(_ visitor: inout some ParameterVisitor) {
      visitor("embed_tokens", &embedding)
      visitor("embed_positions", &positions)
      visitor("layernorm_embedding", &embeddingNorm)
      visitor("layers", &blocks)
      visitor("layer_norm", &finalNorm)
    }
  }

  /// One block: attention to the text itself, in a decoder attention to the source, and a feed-forward. Each is added to
  /// its input, with a norm after the sum or before the part.
  public struct Block: Module {
    var attention: MultiHeadAttention
    var attentionNorm: LayerNorm
    /// Attention to the source; nil in an encoder.
    var cross: (attention: MultiHeadAttention, norm: LayerNorm)?
    var up: Linear
    var down: Linear
    var feedForwardNorm: LayerNorm
    let layer: Int
    let norm: NormPlacement
    let activation: Activation
    let dropout: Dropout

    init(_ c: Configuration, _ side: Side, layer: Int, _ initializer: inout Initializer) {
      let headCount = side == .encoder ? c.encoderHeadCount : c.decoderHeadCount
      let inner = side == .encoder ? c.encoderFeedForwardWidth : c.decoderFeedForwardWidth
      func makeAttention() -> MultiHeadAttention {
        MultiHeadAttention(width: c.width, headCount: headCount, names: .bart, &initializer)
      }
      func makeNorm() -> LayerNorm { LayerNorm(width: c.width, epsilon: Configuration.normEpsilon, &initializer) }
      attention = makeAttention()
      attentionNorm = makeNorm()
      cross = side == .encoder ? nil : (makeAttention(), makeNorm())
      up = Linear(c.width, inner, bias: true, &initializer)
      down = Linear(inner, c.width, bias: true, &initializer)
      feedForwardNorm = makeNorm()
      (self.layer, norm, activation, dropout) = (layer, c.norm, c.activation, Dropout(c.dropout))
    }

    /// - Parameters:
    ///   - x: `[batch, time, width]`
    ///   - seen: what a decoder's block looks at; nil in an encoder.
    ///   - mask: padding of what is looked at.
    /// - Returns: `[batch, time, width]`
    func callAsFunction(_ x: Tensor, over seen: KeysAndValues?, mask: AttentionMask, _ pass: inout Pass) -> Tensor {
      var x = part(attentionNorm, x, &pass) { x, pass in
        if cross != nil { return attention.causal(x, layer: layer, &pass) }
        return attention(
          x, over: attention.keysAndValues(of: x), mask: pass.mask, name: "encoder.\(layer).attention", &pass)
      }
      if let cross, let seen {
        x = part(cross.norm, x, &pass) { x, pass in
          cross.attention(x, over: seen, mask: mask, name: "\(layer).cross_attention", &pass)
        }
      }
      return part(feedForwardNorm, x, &pass) { x, _ in down(up(x, activation: activation)) }
    }

    private func part(
      _ norm: LayerNorm, _ x: Tensor, _ pass: inout Pass, _ body: (Tensor, inout Pass) -> Tensor
    ) -> Tensor {
      switch self.norm {
      case .after: norm(x + dropout(body(x, &pass), &pass))
      case .before: x + dropout(body(norm(x), &pass), &pass)
      }
    }

    /// Shows the parameters under the names of the files.
    public mutating func visit(_ visitor: inout some ParameterVisitor) {
      visitor("self_attn", &attention)
      visitor("self_attn_layer_norm", &attentionNorm)
      if cross != nil {
        visitor("encoder_attn", &cross!.attention)
        visitor("encoder_attn_layer_norm", &cross!.norm)
      }
      visitor("fc1", &up)
      visitor("fc2", &down)
      visitor("final_layer_norm", &feedForwardNorm)
    }
  }
}
