import Checkpoints
import Formats
import Layers
import Tensor

/// What makes scores of an image's states, for one task.
public protocol ImageHead: Module {
  /// What it gives.
  associatedtype Scores: Sendable
  /// What Hugging Face's classes with this head are called, after the family's name: `ForImageClassification`.
  static var className: String { get }
  /// A head whose parameters `initializer` makes. Its listing has the names that stand beside the encoder's.
  init(_ configuration: ViT.Configuration, _ initializer: inout Initializer)
  /// The scores.
  func callAsFunction(_ states: ViT.States) -> Scores
  /// The scores under the names of Hugging Face's outputs.
  static func named(_ scores: Scores) -> [(name: String, value: Tensor)]
}

extension ViT {
  /// An encoder with a head.
  public struct With<Head: ImageHead>: Module {
    /// The encoder, without a pooler.
    public var encoder: ViT
    /// The head.
    public var head: Head

    /// A model whose parameters `initializer` makes.
    public init(_ configuration: Configuration, _ initializer: inout Initializer) {
      encoder = ViT(configuration, hasPooler: false, &initializer)
      head = Head(configuration, &initializer)
    }

    /// A model with random parameters.
    public init(_ configuration: Configuration, seed: UInt64) {
      var initializer = Initializer.random(seed: seed)
      self.init(configuration, &initializer)
    }

    /// The head's scores of images `[batch, channels, height, width]`.
    public func callAsFunction(_ pixels: Tensor, _ pass: inout Pass) -> Head.Scores { head(encoder(pixels, &pass)) }

    /// Shows the parameters under the names of the files.
    public mutating func visit(_ visitor: inout some ParameterVisitor) {
      visitor(encoder.configuration.family.rawValue, &encoder)
      head.visit(&visitor)
    }
  }
}

/// An image's scores by class: `[batch, labels]`, from the class token's state.
public struct ImageClassificationHead: ImageHead {
  var map: Linear

  /// What Hugging Face's classes with this head are called, after the family's name.
  public static let className = "ForImageClassification"
  /// The scores under the names of Hugging Face's outputs.
  public static func named(_ scores: Tensor) -> [(name: String, value: Tensor)] { [("logits", scores)] }

  /// A head whose parameters `initializer` makes.
  public init(_ c: ViT.Configuration, _ initializer: inout Initializer) {
    map = Linear(c.width, c.labels.count, bias: true, &initializer)
  }

  /// The scores of an encoder's states.
  public func callAsFunction(_ states: ViT.States) -> Tensor { map(states.token(0)) }
  /// Shows the parameters under the names of the files.
  public mutating func visit(_ visitor: inout some ParameterVisitor) { visitor("classifier", &map) }
}

// MARK: - Files

extension ViT: PretrainedClass {
  /// The encoder without a head. Heads that the file holds are left aside, and so is a pooler that the file lacks.
  public static func outline(of folder: ModelFolder) throws(InputError) -> ModelOutline<ViT> {
    let file = try ViTFile(folder), prefix = file.configuration.family.rawValue + "."
    let pooler = "pooler.dense.weight"
    let hasPooler = [pooler, prefix + pooler].contains { file.checkpoint.tensor(named: $0) != nil }
    var initializer = Initializer.placeholders
    return file.outline(ViT(file.configuration, hasPooler: hasPooler, &initializer))
  }

  /// `config.json` of the class without a head.
  public var folderConfiguration: JSONValue {
    configuration.json(architecture: configuration.family.classPrefix + "Model", format: matrixFormat)
  }

  /// Takes `pixel_values`.
  public func outputs(of inputs: ForwardInputs) throws(InputError) -> [(name: String, value: Tensor)] {
    var pass = Pass()
    let states = self(try pixels(of: inputs), &pass)
    return [("last_hidden_state", states.hidden)] + (states.pooled.map { [("pooler_output", $0)] } ?? [])
  }
}

extension ViT.With: PretrainedClass {
  /// The encoder with its head. A pooler and other heads are left aside.
  public static func outline(of folder: ModelFolder) throws(InputError) -> ModelOutline<Self> {
    let file = try ViTFile(folder)
    var initializer = Initializer.placeholders
    return file.outline(Self(file.configuration, &initializer))
  }

  /// `config.json` of the class with this head.
  public var folderConfiguration: JSONValue {
    let c = encoder.configuration
    return c.json(architecture: c.family.classPrefix + Head.className, format: matrixFormat)
  }

  /// Takes `pixel_values`.
  public func outputs(of inputs: ForwardInputs) throws(InputError) -> [(name: String, value: Tensor)] {
    var pass = Pass()
    return Head.named(self(try encoder.pixels(of: inputs), &pass))
  }
}

/// A folder's configuration and tensors.
struct ViTFile {
  let configuration: ViT.Configuration
  let checkpoint: SafetensorsCheckpoint

  init(_ folder: ModelFolder) throws(InputError) {
    configuration = try ViT.Configuration(folder.configuration)
    checkpoint = try folder.tensors(layerCount: configuration.layerCount)
  }

  func outline<Model: Module>(_ model: Model) -> ModelOutline<Model> {
    let base = configuration.family.rawValue, prefix = base + "."
    func bare(_ name: String) -> String { name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name }
    let parameters = model.parameters.map { bare($0.name) }
    let parts = ["pooler.", "classifier.", "decoder.", "cls_classifier.", "distillation_classifier."]
    let others = parts.filter { part in !parameters.contains { $0.hasPrefix(part) } }
    let names = CheckpointNames(basePrefix: base) { name in
      let rest = name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name
      // The token that stands for hidden patches in training.
      return rest == "embeddings.mask_token" || others.contains { rest.hasPrefix($0) } ? .unused : nil
    }
    return ModelOutline(model: model, checkpoint: checkpoint, names: names)
  }
}

extension ViT {
  /// The images among a model's inputs.
  func pixels(of inputs: ForwardInputs, and others: [String] = []) throws(InputError) -> Tensor {
    try inputs.refuse(except: ["pixel_values"] + others)
    let pixels = try inputs.values("pixel_values")
    do throws(InputError) { try check(pixels.shape) } catch { throw error.inside(inputs.path) }
    return pixels
  }
}

extension ViT.Family {
  /// What the names of Hugging Face's classes begin with.
  var classPrefix: String { self == .vit ? "ViT" : "DeiT" }

  func with<Head: ImageHead>(_ head: Head.Type) -> Architecture {
    Architecture(classPrefix + Head.className, ViT.With<Head>.self)
  }

  var restorer: Architecture { Architecture(classPrefix + ViT.Restorer.className, ViT.Restorer.self) }

  var bare: Architecture { Architecture(classPrefix + "Model", ViT.self) }
}

extension Architecture {
  /// ViT's classes.
  static let vit = [
    ViT.Family.vit.bare, ViT.Family.vit.with(ImageClassificationHead.self), ViT.Family.vit.restorer,
  ]
}
