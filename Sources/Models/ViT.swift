import Attention
import Layers
import Tensor

/// The Vision Transformer (Dosovitskiy et al. 2020), and DeiT (Touvron et al. 2020), which adds a token to learn from a
/// teacher: an image is cut into patches, each patch is a token, and pre-norm blocks let every token see every other.
///
///     let model = try ViT.With<ImageClassificationHead>.load(from: "vit-base-patch16-224")
///     var pass = Pass()
///     let logits = model(pixels, &pass)  // [batch, labels]
public struct ViT: Module {
  /// What the blocks begin with.
  public var embeddings: Embeddings
  /// The blocks, first to last.
  public var blocks: [Block]
  /// The norm after the last block.
  public var finalNorm: LayerNorm
  /// A map of the first token's state, and an activation; nil where no one reads it.
  public var pooler: Linear?
  /// The sizes.
  public let configuration: Configuration

  /// A model whose parameters `initializer` makes.
  ///
  /// - Parameter hasMaskToken: whether patches can be hidden.
  public init(
    _ c: Configuration, hasPooler: Bool = true, hasMaskToken: Bool = false, _ initializer: inout Initializer
  ) {
    configuration = c
    embeddings = Embeddings(c, hasMaskToken: hasMaskToken, &initializer)
    blocks = []
    for layer in 0..<c.layerCount { blocks.append(Block(c, layer: layer, &initializer)) }
    finalNorm = LayerNorm(width: c.width, epsilon: c.normEpsilon, &initializer)
    pooler = hasPooler ? Linear(c.width, c.poolerWidth, bias: true, &initializer) : nil
  }

  /// A model with random parameters.
  public init(_ configuration: Configuration, seed: UInt64) {
    var initializer = Initializer.random(seed: seed)
    self.init(configuration, &initializer)
  }

  /// What an encoder makes of its images.
  public struct States: Sendable {
    /// The final hidden states, those of the class token and of DeiT's second token first: `[batch, tokens, width]`.
    public var hidden: Tensor
    /// The pooler's output: `[batch, poolerWidth]`; nil where the model has none.
    public var pooled: Tensor?

    /// The state of one token: `[batch, width]`.
    func token(_ index: Int) -> Tensor {
      hidden.slice(index..<index + 1, axis: 1).reshaped(hidden.shape[0], hidden.shape[2])
    }
  }

  /// Checks that images from outside can be given to this model: large enough for a patch, and not beyond the memory.
  ///
  /// - Throws: `sizeMismatch` for pixels of another shape than `[batch, channels, height, width]`, `budget` for images
  ///   whose states would need more memory than `Memory.limit` leaves.
  public func check(_ pixels: Shape) throws(InputError) {
    let c = configuration
    guard pixels.rank == 4, pixels[0] > 0, pixels[1] == c.channelCount, pixels[2] >= c.patchSize.height,
      pixels[3] >= c.patchSize.width
    else {
      throw InputError(
        .sizeMismatch,
        "is of the shape \(pixels), but must be [batch, \(c.channelCount), height, width] of at least \(c.patchSize)",
        at: "pixel_values")
    }
    let patches = Double(pixels[2] / c.patchSize.height) * Double(pixels[3] / c.patchSize.width)
    // A block's states, and what positions of other sizes are interpolated with.
    let numbers =
      2 * Double(pixels.elementCount) + Double(pixels[0]) * (patches + 2) * Double(6 * c.width + c.feedForwardWidth)
      + patches * Double(c.patchCounts.height * c.patchCounts.width)
    guard numbers < 0x1p56, Memory.hasRoom(for: Int(4 * numbers)) else {
      throw InputError(
        .budget, "\(Int(min(patches, 1e15))) patches need more memory than is left of the limit of \(Memory.limit)",
        at: "pixel_values", advice: "Give smaller images, or fewer at once.")
    }
  }

  /// Encodes images `[batch, channels, height, width]`, at least as large as a patch. What is left over at the right and
  /// at the bottom beside whole patches is not seen. Where there are more or fewer patches than the model was made for,
  /// the table of positions is interpolated.
  ///
  /// - Parameter hidden: 1 for each patch that the model does not see, 0 for the others, `[batch, patches, 1]`; of a model
  ///   with a mask token.
  public func callAsFunction(_ pixels: Tensor, hiding hidden: Tensor? = nil, _ pass: inout Pass) -> States {
    precondition(pass.cache == nil, "ViT: an encoder sees all patches at once and uses no cache")
    var x = embeddings(pixels, hiding: hidden, &pass)
    for block in blocks { x = pass.run(block, x) { block, x, pass in block(x, &pass) } }
    var states = States(hidden: finalNorm(x), pooled: nil)
    states.pooled = pooler?(states.token(0), activation: configuration.poolerActivation)
    return states
  }

  /// Shows the parameters under the names of the files.
  public mutating func visit(_ visitor: inout some ParameterVisitor) {
    visitor("embeddings", &embeddings)
    visitor("encoder.layer", &blocks)
    visitor("layernorm", &finalNorm)
    visitor("pooler.dense", &pooler)
  }
}

extension ViT {
  /// The patches, mapped, behind the tokens that stand for the whole image; and the positions of all.
  public struct Embeddings: Module {
    /// `[1, 1, width]`
    public var classToken: Tensor
    /// `[1, 1, width]`: DeiT's second token.
    public var distillationToken: Tensor?
    /// `[1, 1, width]`: what stands for a hidden patch.
    public var maskToken: Tensor?
    /// The map of a patch: `[width, channels, patchHeight, patchWidth]`.
    public var patchWeight: Tensor
    /// `[width]`
    public var patchBias: Tensor
    /// Those of the tokens, then of the patches row by row: `[1, tokens + patches, width]`.
    public var positions: Tensor
    let patchSize: ImageSize
    let patchCounts: ImageSize
    let dropout: Dropout

    init(_ c: Configuration, hasMaskToken: Bool, _ initializer: inout Initializer) {
      (patchSize, patchCounts) = (c.patchSize, c.patchCounts)
      classToken = initializer.normal(Shape(1, 1, c.width), standardDeviation: 0.02)
      distillationToken = c.family == .deit ? initializer.normal(Shape(1, 1, c.width), standardDeviation: 0.02) : nil
      maskToken = hasMaskToken ? initializer.zeros(Shape(1, 1, c.width)) : nil
      patchWeight = initializer.normal(
        Shape(c.width, c.channelCount, patchSize.height, patchSize.width), standardDeviation: 0.02)
      patchBias = initializer.zeros(Shape(c.width))
      positions = initializer.normal(
        Shape(1, c.tokenCount + patchCounts.height * patchCounts.width, c.width), standardDeviation: 0.02)
      dropout = Dropout(c.dropout)
    }

    /// - Returns: `[batch, tokens + patches, width]`
    func callAsFunction(_ pixels: Tensor, hiding hidden: Tensor?, _ pass: inout Pass) -> Tensor {
      let (patches, counts) = patches(pixels)
      let width = patchWeight.shape[0], batch = patches.shape[0]
      var mapped = linear(
        patches, patchWeight.reshaped(width, patches.shape[2]), bias: patchBias, transposingWeight: true)
      if let hidden {
        guard let maskToken, hidden.shape == Shape(batch, patches.shape[1], 1) else {
          preconditionFailure("ViT: \(hidden.shape) says which of \(patches.shape) patches a mask token stands for")
        }
        mapped = mapped * (hidden * -1 + 1) + hidden * maskToken
      }
      let tokens = [classToken, distillationToken].compactMap { $0 }.map { token in
        Tensor.zeros(Shape(batch, 1, width)) + token
      }
      return dropout(Tensor.concatenate(tokens + [mapped], axis: 1) + positions(counts, after: tokens.count), &pass)
    }

    /// The pixels of each patch, in the order of the map's weights: `[batch, patches, channels * patchHeight * patchWidth]`.
    private func patches(_ pixels: Tensor) -> (values: Tensor, counts: ImageSize) {
      let channels = patchWeight.shape[1]
      precondition(
        pixels.rank == 4 && pixels.shape[1] == channels && pixels.shape[2] >= patchSize.height
          && pixels.shape[3] >= patchSize.width,
        "ViT: pixels \(pixels.shape), must be [batch, \(channels), height, width], at least \(patchSize)")
      let counts = ImageSize(
        height: pixels.shape[2] / patchSize.height, width: pixels.shape[3] / patchSize.width)
      let whole = (height: counts.height * patchSize.height, width: counts.width * patchSize.width)
      var x = pixels
      if x.shape[2] > whole.height { x = x.slice(0..<whole.height, axis: 2) }
      if x.shape[3] > whole.width { x = x.slice(0..<whole.width, axis: 3) }
      let batch = x.shape[0]
      let cut = x.reshaped([batch, channels, counts.height, patchSize.height, counts.width, patchSize.width])
      return (
        cut.permuted([0, 2, 4, 1, 3, 5]).reshaped(
          batch, counts.height * counts.width, channels * patchSize.height * patchSize.width), counts
      )
    }

    /// The table of positions for an image of `counts` patches.
    private func positions(_ counts: ImageSize, after tokens: Int) -> Tensor {
      if counts == patchCounts { return positions }
      let count = positions.shape[1], width = positions.shape[2]
      let table = positions.slice(tokens..<count, axis: 1).reshaped(count - tokens, width)
      let resized = matmul(bicubicWeights(from: patchCounts, to: counts), table)
      return Tensor.concatenate(
        [positions.slice(0..<tokens, axis: 1), resized.reshaped(1, counts.height * counts.width, width)], axis: 1)
    }

    /// Shows the parameters under the names of the files.
    public mutating func visit(_ visitor: inout some ParameterVisitor) {
      visitor("cls_token", &classToken)
      visitor("distillation_token", &distillationToken)
      visitor("mask_token", &maskToken)
      visitor("patch_embeddings.projection.weight", &patchWeight)
      visitor("patch_embeddings.projection.bias", &patchBias)
      visitor("position_embeddings", &positions)
    }
  }

  /// One pre-norm block: `x + attention(norm(x))`, then `x + feedForward(norm(x))`.
  public struct Block: Module {
    var attentionNorm: LayerNorm
    var attention: SelfAttention
    var feedForwardNorm: LayerNorm
    var up: Linear
    var down: Linear
    let layer: Int
    let activation: Activation
    let dropout: Dropout

    init(_ c: Configuration, layer: Int, _ initializer: inout Initializer) {
      attentionNorm = LayerNorm(width: c.width, epsilon: c.normEpsilon, &initializer)
      attention = SelfAttention(c.attention, &initializer)
      feedForwardNorm = LayerNorm(width: c.width, epsilon: c.normEpsilon, &initializer)
      up = Linear(c.width, c.feedForwardWidth, bias: true, &initializer)
      down = Linear(c.feedForwardWidth, c.width, bias: true, &initializer)
      (self.layer, activation, dropout) = (layer, c.activation, Dropout(c.dropout))
    }

    /// - Parameter x: `[batch, tokens, width]`
    /// - Returns: `[batch, tokens, width]`
    public func callAsFunction(_ x: Tensor, _ pass: inout Pass) -> Tensor {
      let x = x + dropout(attention(attentionNorm(x), layer: layer, &pass), &pass)
      return x + dropout(down(up(feedForwardNorm(x), activation: activation)), &pass)
    }

    /// Shows the parameters under the names of the files.
    public mutating func visit(_ visitor: inout some ParameterVisitor) {
      visitor("layernorm_before", &attentionNorm)
      visitor("attention", &attention)
      visitor("layernorm_after", &feedForwardNorm)
      visitor("intermediate.dense", &up)
      visitor("output.dense", &down)
    }
  }
}

extension SelfAttention.Names {
  /// ViT and DeiT.
  static let vit = SelfAttention.Names(
    query: "attention.query", key: "attention.key", value: "attention.value", output: "output.dense")
}

/// What bicubic interpolation multiplies a grid's cells by to get those of another grid: `[new cells, old cells]`. Cubic
/// convolution with a = -0.75 (Keys 1981), the grids' edges aligned, cells outside taken from the edge.
func bicubicWeights(from old: ImageSize, to new: ImageSize) -> Tensor {
  /// For each new index, the four old ones and their weights.
  func taps(_ old: Int, _ new: Int) -> [[(index: Int, weight: Double)]] {
    (0..<new).map { i in
      let place = (Double(i) + 0.5) * Double(old) / Double(new) - 0.5, below = place.rounded(.down)
      return (-1...2).map { step in
        let distance = abs(place - below - Double(step)), a = -0.75
        let weight =
          distance <= 1
          ? ((a + 2) * distance - (a + 3)) * distance * distance + 1
          : ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
        return (min(max(Int(below) + step, 0), old - 1), weight)
      }
    }
  }
  let (rows, columns) = (taps(old.height, new.height), taps(old.width, new.width))
  var weights = [Float](repeating: 0, count: new.height * new.width * old.height * old.width)
  for (i, row) in rows.enumerated() {
    for (j, column) in columns.enumerated() {
      let start = (i * new.width + j) * old.height * old.width
      for y in row {
        for x in column { weights[start + y.index * old.width + x.index] += Float(y.weight * x.weight) }
      }
    }
  }
  return Tensor(weights, shape: Shape(new.height * new.width, old.height * old.width))
}
