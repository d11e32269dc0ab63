import Checkpoints
import Formats
import Layers
import Tensor

/// A Hugging Face folder: what `config.json` says, and the tensors of its safetensors files, whole or sharded.
public struct ModelFolder: Sendable {
  /// Where it is.
  public let path: String
  /// The parsed `config.json`.
  public let configuration: JSONField

  /// Reads `config.json`.
  ///
  /// - Throws: what reading it throws.
  public init(_ path: String) throws(InputError) {
    (self.path, configuration) = (path, try PretrainedModel.configuration(in: path))
  }

  /// Opens the tensors.
  ///
  /// - Parameter layerCount: how many layers the configuration says.
  /// - Throws: what opening them throws, and `inconsistent` for more layers than they could fill.
  public func tensors(layerCount: Int = 0) throws(InputError) -> SafetensorsCheckpoint {
    let checkpoint = try SafetensorsCheckpoint(at: path)
    try PretrainedModel.check(layerCount: layerCount, checkpoint)
    return checkpoint
  }
}

/// A model as a folder describes it, before its tensors are read.
public struct ModelOutline<Model: Module>: Sendable {
  /// The model, with placeholders for its parameters.
  public var model: Model
  /// The tensors.
  public let checkpoint: SafetensorsCheckpoint
  /// What the tensors are called, and what may be left aside.
  public let names: CheckpointNames

  /// A model made with `Initializer.placeholders`, and what will fill it.
  public init(model: Model, checkpoint: SafetensorsCheckpoint, names: CheckpointNames = CheckpointNames()) {
    (self.model, self.checkpoint, self.names) = (model, checkpoint, names)
  }
}

/// A class of models as Hugging Face keeps it in a folder: a family says what a folder holds, and loading and saving follow.
/// The families of this module adopt it, and so may a program's own: <doc:YourOwnFamily>.
public protocol PretrainedClass: SavableModel, NamedForward {
  /// The model that a folder describes.
  ///
  /// - Throws: a typed error for anything that is missing, malformed, inconsistent or not implemented.
  static func outline(of folder: ModelFolder) throws(InputError) -> ModelOutline<Self>
  /// `config.json` for this model.
  var folderConfiguration: JSONValue { get }
  /// Tensors that readers expect besides the model's own.
  var extraTensors: [(name: String, value: Tensor)] { get }
}

extension PretrainedClass {
  /// None.
  public var extraTensors: [(name: String, value: Tensor)] { [] }

  /// Loads a model from a Hugging Face folder, strictly: every parameter is there, and every tensor is read but those
  /// that belong to other tasks. Matrices stay in the file's format unless another is given.
  ///
  /// - Throws: a typed error for anything that is missing, malformed, inconsistent or not implemented.
  public static func load(from folder: String, as format: StorageFormat? = nil) throws(InputError) -> Self {
    var outline = try outline(of: ModelFolder(folder))
    try outline.checkpoint.load(into: &outline.model, names: outline.names, as: format)
    return outline.model
  }

  /// Saves the model as a Hugging Face folder: `config.json` and `model.safetensors`, or several files instead of one that
  /// is larger than `shardSize`.
  ///
  /// - Throws: `io` where the folder cannot be written, `tooLarge` for more than 512 files.
  public func save(to folder: AtomicDirectory, shardSize: ShardSize?) throws(InputError) {
    try folder.write(try folderConfiguration.encoded(pretty: true), to: "config.json")
    try saveParameters(of: self, to: folder, shardSize: shardSize, extra: extraTensors)
  }
}

extension Architecture {
  /// A class by its name and the type that it is here.
  public init<Model: PretrainedClass>(_ name: String, _ model: Model.Type) {
    self.init(name) { (folder, format) throws(InputError) in try Model.load(from: folder, as: format) }
  }
}
