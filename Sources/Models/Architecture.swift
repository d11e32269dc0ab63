import Checkpoints
import Formats
import Layers
import Tensor

/// A model that runs on tensors under the names that Hugging Face's `forward` has for them.
public protocol NamedForward: Sendable {
  /// Runs the model.
  ///
  /// - Returns: what Hugging Face's class returns, under its names: `logits`, `last_hidden_state`, ...
  /// - Throws: a typed error for an input that is missing, unknown, of another shape or outside its range.
  func outputs(of inputs: ForwardInputs) throws(InputError) -> [(name: String, value: Tensor)]
}

/// A class of models by the name that `config.json` has for it under `architectures`.
public struct Architecture: Sendable {
  /// Hugging Face's name of the class.
  public let name: String
  /// Loads a model of this class from a folder.
  public let load: @Sendable (_ folder: String, _ format: StorageFormat?) throws(InputError) -> any NamedForward

  init(
    _ name: String,
    load: @escaping @Sendable (_ folder: String, _ format: StorageFormat?) throws(InputError) -> any NamedForward
  ) {
    (self.name, self.load) = (name, load)
  }

  /// All that are implemented: a line for each family.
  public static let all: [Architecture] =
    bert
    + transformers
    + t5
    + gpt2
    + llama
    + vit
    + deit

  /// The architecture that a folder's `config.json` names.
  ///
  /// - Parameter known: those that it may be, as `Architecture.all + [Architecture("BagOfWords", BagOfWords.self)]`.
  /// - Throws: `unsupported` for one that is not implemented; what reading the file throws.
  public init(of folder: String, among known: [Architecture] = Architecture.all) throws(InputError) {
    let names = try PretrainedModel.configuration(in: folder).required("architectures")
    guard let first = try names.array(atMost: 64).first else {
      throw names.error(.badValue, "names no class", advice: "Write the model's class, as [\"BertForMaskedLM\"].")
    }
    let name = try first.string()
    guard let found = known.first(where: { $0.name == name }) else {
      throw first.error(
        .unsupported, "the architecture \"\(name)\" is not implemented",
        advice: "Known are \(known.map(\.name).joined(separator: ", ")).")
    }
    self = found
  }
}

extension PretrainedModel {
  /// Loads whatever class of model a folder's `config.json` names, to be run on named tensors.
  ///
  /// - Parameter known: the classes that it may be of: those of this module unless given.
  /// - Throws: a typed error for anything that is missing, malformed, inconsistent or not implemented.
  public static func loadAny(
    from folder: String, as format: StorageFormat? = nil, among known: [Architecture] = Architecture.all
  ) throws(InputError) -> any NamedForward {
    try Architecture(of: folder, among: known).load(folder, format)
  }
}
