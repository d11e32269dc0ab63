import Checkpoints
import Formats
import Layers
import Tensor

extension ViT {
  /// An encoder that makes up the pixels of patches that it does not see, as in SimMIM (Xie et al. 2021).
  public struct Restorer: Module {
    /// The encoder, with a mask token.
    public var encoder: ViT
    /// From a patch's state to its pixels: `[restoredSize^2 * channels, width, 1, 1]`.
    public var weight: Tensor
    /// `[restoredSize^2 * channels]`
    public var bias: Tensor

    static let className = "ForMaskedImageModeling"

    /// A model whose parameters `initializer` makes.
    public init(_ c: Configuration, _ initializer: inout Initializer) {
      encoder = ViT(c, hasPooler: false, hasMaskToken: true, &initializer)
      let count = c.restoredSize * c.restoredSize * c.channelCount
      weight = initializer.normal(Shape(count, c.width, 1, 1), standardDeviation: 0.02)
      bias = initializer.zeros(Shape(count))
    }

    /// The images as the model has them: `[batch, channels, side * restoredSize, side * restoredSize]`. There must be as many
    /// patches in both directions.
    ///
    /// - Parameters:
    ///   - pixels: `[batch, channels, height, width]`
    ///   - hidden: 1 for each patch that the model does not see, 0 for the others: `[batch, patches, 1]`.
    public func callAsFunction(_ pixels: Tensor, hiding hidden: Tensor? = nil, _ pass: inout Pass) -> Tensor {
      let c = encoder.configuration, states = encoder(pixels, hiding: hidden, &pass).hidden
      let (batch, tokens) = (states.shape[0], states.shape[1]), size = c.restoredSize
      let side = Restorer.side(tokens - c.tokenCount)
      precondition(side * side == tokens - c.tokenCount, "ViT.Restorer: \(tokens - c.tokenCount) patches are no square")
      let patches = states.slice(c.tokenCount..<tokens, axis: 1)
      let values = linear(
        patches, weight.reshaped(weight.shape[0], c.width), bias: bias, transposingWeight: true)
      // A patch's numbers are its pixels, channel by channel and row by row.
      return values.reshaped([batch, side, side, c.channelCount, size, size]).permuted([0, 3, 1, 4, 2, 5])
        .reshaped(batch, c.channelCount, side * size, side * size)
    }

    /// The side of a square of so many patches, or of the largest one within.
    static func side(_ patches: Int) -> Int { Int(Double(patches).squareRoot()) }

    /// Shows the parameters under the names of the files.
    public mutating func visit(_ visitor: inout some ParameterVisitor) {
      visitor(encoder.configuration.family.rawValue, &encoder)
      visitor("decoder.0.weight", &weight)
      visitor("decoder.0.bias", &bias)
    }
  }
}

extension ViT.Restorer: PretrainedClass {
  /// The encoder with its map to pixels. A pooler and heads are left aside.
  public static func outline(of folder: ModelFolder) throws(InputError) -> ModelOutline<Self> {
    let file = try ViTFile(folder)
    var initializer = Initializer.placeholders
    return file.outline(Self(file.configuration, &initializer))
  }

  /// `config.json` of the class.
  public var folderConfiguration: JSONValue {
    let c = encoder.configuration
    return c.json(architecture: c.family.classPrefix + Self.className, format: matrixFormat)
  }

  /// Takes `pixel_values`, and where there is one `bool_masked_pos`, not 0 for each patch that is hidden.
  public func outputs(of inputs: ForwardInputs) throws(InputError) -> [(name: String, value: Tensor)] {
    let marks = "bool_masked_pos", c = encoder.configuration
    let pixels = try encoder.pixels(of: inputs, and: [marks])
    let counts = (pixels.shape[2] / c.patchSize.height, pixels.shape[3] / c.patchSize.width)
    let patches = counts.0 * counts.1, side = Self.side(patches)
    guard side * side == patches else {
      throw InputError(
        .sizeMismatch, "\(patches) patches are no square", at: inputs.place(of: "pixel_values"),
        advice: "Give square images.")
    }
    var hidden: Tensor?
    if inputs.has(marks) {
      guard c.patchSize == ImageSize(c.restoredSize) else {
        throw InputError(
          .inconsistent, "patches of \(c.patchSize) become \(c.restoredSize) pixels wide", at: "encoder_stride",
          advice: "Where patches are hidden, both sizes must be the same.")
      }
      let kept = try inputs.mask(marks, like: [pixels.shape[0], patches]).keptKeys ?? []
      hidden = Tensor(kept.flatMap { $0.map { $0 ? 1 : 0 } }, shape: Shape(pixels.shape[0], patches, 1))
    }
    var pass = Pass()
    return [("reconstruction", self(pixels, hiding: hidden, &pass))]
  }
}
