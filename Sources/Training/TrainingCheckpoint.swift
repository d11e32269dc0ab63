import Checkpoints
import Formats
import Tensor

/// A training run, saved between two steps: weights, both moments of the optimizer, the step and the recipe. Going on from
/// it gives the same bits as never having stopped.
///
/// It is a folder that appears whole or not at all (`AtomicDirectory`): the model's own files, `optimizer.safetensors`
/// and `training.json`, which is written last and has the size and the checksum of every other file. The checkpoint before
/// stays beside it, as `run.previous`: where the newest is damaged, the run goes on from that one.
///
///     let folder = try TrainingCheckpoint.folder(replacing: "run")
///     try model.save(to: folder)
///     try TrainingCheckpoint.write(model, optimizer, of: recipe, to: folder)
///     try folder.commit()
///
///     let checkpoint = try TrainingCheckpoint.newestWhole(of: "run").checkpoint
///     try checkpoint.restore(&model, &optimizer, of: recipe)
///     for step in checkpoint.step..<2000 { ... }
public struct TrainingCheckpoint: Sendable {
  /// The folder.
  public let path: String
  private let manifest: Manifest
  private let weightsName: String

  private static let moments = "optimizer.safetensors"

  /// Whether a file of this name is one that every checkpoint has: the weights, whole or in shards, the optimizer's moments
  /// or the manifest.
  public static func isFile(_ name: String) -> Bool {
    WeightsFile.isOne(name) || name == moments || name == Manifest.fileName
  }

  /// How many steps had been made: the number of the next one.
  public var step: Int { manifest.step }
  /// What the run is made of.
  public var recipe: Recipe { manifest.recipe }

  /// Whether a folder holds a training checkpoint, whole or damaged. What a killed writer left beside it is put in order
  /// first.
  ///
  /// - Throws: `notFound` where the folder around it does not exist, `io` where it cannot be looked at.
  public static func stands(at path: String) throws(InputError) -> Bool {
    try AtomicDirectory.recover(path)
    return try fileKind("\(path)/\(Manifest.fileName)") != nil
  }

  /// The newest checkpoint of a run that is whole: the one at `path` or, where that is damaged or absent, the one before,
  /// which `folder(replacing:)` has kept.
  ///
  /// - Returns: the checkpoint and, if it is the one before, what is wrong with the newest. Whoever passes it over should
  ///   say so, and give it to no one as the one before: see `folder(replacing:keepingReplaced:)`.
  /// - Throws: as `init(opening:)`, of the newest, where neither is whole. A newest one of another version
  ///   (`badVersion`), or with files that are no part of it (`inconsistent`), is not damaged and not passed over.
  public static func newestWhole(
    of path: String
  ) throws(InputError) -> (checkpoint: TrainingCheckpoint, passedOver: InputError?) {
    do throws(InputError) {
      return (try TrainingCheckpoint(opening: path), nil)
    } catch {
      let isDamaged = error.kind != .badVersion && error.kind != .inconsistent
      guard isDamaged, let older = try? TrainingCheckpoint(opening: try AtomicDirectory.previousPath(of: path)) else {
        throw error
      }
      return (older, error)
    }
  }

  /// A folder to write the next checkpoint of a run into. What it replaces stays beside it as the checkpoint before.
  ///
  /// - Parameter keepingReplaced: false where what stands at `path` is damaged: it would drive out a whole one.
  /// - Throws: as `AtomicDirectory`.
  public static func folder(
    replacing path: String, keepingReplaced: Bool = true
  ) throws(InputError) -> AtomicDirectory {
    try AtomicDirectory(replacing: path, keepingReplaced: keepingReplaced)
  }

  /// Opens a checkpoint and verifies the size and the checksum of every file.
  ///
  /// - Throws: `notFound` where there is none; `badVersion`; `badChecksum`, `sizeMismatch`, `inconsistent`, `pathEscape`
  ///   and the errors of JSON for a damaged one. The place names the file.
  public init(opening path: String) throws(InputError) {
    guard try TrainingCheckpoint.stands(at: path) else {
      throw InputError(
        .notFound, "holds no training checkpoint (\(Manifest.fileName))", at: path,
        advice: "Give the folder that the run was saved to.")
    }
    let manifestPath = "\(path)/\(Manifest.fileName)"
    let bytes = try InputFile.contents(of: manifestPath, atMost: 1 << 21)
    do throws(InputError) { manifest = try Manifest(parsing: bytes) } catch { throw error.inside(manifestPath) }
    let names = manifest.files.map(\.name)
    // A model may have been saved in shards.
    weightsName = WeightsFile.main(names.contains) ?? WeightsFile.whole
    for name in [weightsName, TrainingCheckpoint.moments] where !names.contains(name) {
      throw InputError(.missing, "does not list \(name)", at: manifestPath)
    }
    try manifest.verify(folder: path)
    self.path = path
  }

  /// Puts the saved weights into a model and the saved moments into an optimizer.
  ///
  /// - Parameters:
  ///   - model: of the architecture that was saved.
  ///   - optimizer: with the settings that it was saved with.
  ///   - recipe: that of the run that goes on.
  ///   - frozen: the parameters that the run leaves as they are, as it gives them to `valueAndGradient`.
  /// - Throws: `inconsistent` for another recipe, optimizer, model or choice of frozen parameters, with what differs, and
  ///   for other kernels than the run was saved with, with the way to force those; `nonFinite` or `badValue` for weights
  ///   and moments that no run could have had. Neither the model nor the optimizer is then changed.
  public func restore<Model: Module>(
    _ model: inout Model, _ optimizer: inout AdamW, of recipe: Recipe, frozen: ParameterSelection = .none
  ) throws(InputError) {
    do throws(InputError) {
      try recipe.requireSame(as: manifest.recipe)
      try Arithmetic.current.requireSame(as: manifest.arithmetic)
    } catch { throw error.inside(path) }
    var restored = model
    try load(weightsName, into: &restored, ignoringOthers: true)
    let field = JSONField(manifest.optimizer, at: "\(path)/\(Manifest.fileName): optimizer")
    let updates = try field.required("updates")
    let updateCount = try updates.int(in: 0...1 << 53)
    guard updateCount == manifest.step else {
      throw updates.error(.inconsistent, "counts \(updateCount) updates, but the run made \(manifest.step) steps")
    }
    var moments = updateCount == 0 ? [] : optimizer.emptyMoments(of: restored, frozen: frozen)
    let settings = optimizer.settings(updateCount: updateCount, moments)
    guard try field.required("frozen").value() == settings["frozen"] else {
      throw field.error(
        .inconsistent, "says that other parameters are frozen than this run freezes",
        advice: "Give `restore` and `valueAndGradient` the selection that the run began with.")
    }
    guard manifest.optimizer == settings else {
      throw field.error(
        .inconsistent, "has other settings than the optimizer of this run",
        advice: "Resume with the optimizer that the run began with.")
    }
    var table = MomentTable(moments)
    try load(TrainingCheckpoint.moments, into: &table, ignoringOthers: false)
    table.put(into: &moments)
    for moment in moments where !moment.isFrozen {
      guard moment.second.withScalars({ $0.allSatisfy { $0 >= 0 } }) else {
        throw InputError(
          .badValue, "a second moment of \(moment.name) is negative", at: "\(path)/\(TrainingCheckpoint.moments)")
      }
    }
    (model, optimizer.moments, optimizer.updateCount) = (restored, moments, updateCount)
  }

  private func load<M: Module>(
    _ name: String, into module: inout M, ignoringOthers: Bool
  ) throws(InputError) {
    let path = "\(self.path)/\(name)"
    let file = try SafetensorsCheckpoint(at: path)
    for tensor in file.tensors where tensor.entry.dtype != .float32 {
      throw InputError(
        .inconsistent, "\(tensor.entry.name) is kept as \(tensor.entry.dtype.rawValue), not F32", at: path)
    }
    try file.load(into: &module, names: CheckpointNames { _ in ignoringOthers ? .unused : nil })
    try requireFinite(module, at: path)
  }
}

// MARK: - Writing

extension TrainingCheckpoint {
  /// Adds a run's state to a folder that is about to be committed.
  ///
  /// The weights are those of `model.safetensors`, or of its shards, which is written here unless a model's own `save` put
  /// them there before.
  /// Nothing may be added to the folder afterwards. The run's step is the number of the optimizer's updates.
  ///
  /// - Throws: `nonFinite` for weights or moments that are NaN or infinite, so that no good checkpoint is replaced by one;
  ///   `io` where the disk refuses a file.
  public static func write(
    _ model: some Module, _ optimizer: AdamW, of recipe: Recipe, to folder: AtomicDirectory
  ) throws(InputError) {
    let table = MomentTable(optimizer.moments)
    try requireFinite(model, at: folder.path)
    try requireFinite(table, at: folder.path)
    let staging = String(try folder.path(of: moments).dropLast(moments.count + 1))
    if WeightsFile.main(try folder.stagedNames().contains) == nil {
      try saveParameters(of: model, to: folder, shardSize: nil)
    }
    try folder.write(moments) { (path) throws(InputError) in try saveParameters(of: table, to: path) }
    var files: [Manifest.File] = []
    for name in try names(inFolder: staging) { files.append(try Manifest.File(name, at: "\(staging)/\(name)")) }
    let settings = optimizer.settings(updateCount: optimizer.updateCount, optimizer.moments)
    let manifest = Manifest(
      step: optimizer.updateCount, arithmetic: .current, recipe: recipe, optimizer: settings, files: files)
    try folder.write(try manifest.encoded(), to: Manifest.fileName)
  }
}

private func requireFinite(_ module: some Module, at path: String) throws(InputError) {
  for (name, value) in module.parameters where !value.isFinite {
    throw InputError(.nonFinite, "\(name) has elements that are NaN or infinite", at: path)
  }
}

/// The moments as a listing, so that they are saved and loaded as parameters are.
private struct MomentTable: Module {
  var names: [String]
  var first: [Tensor]
  var second: [Tensor]

  init(_ moments: [AdamW.Moments]) {
    let trained = moments.filter { !$0.isFrozen }
    (names, first, second) = (trained.map(\.name), trained.map(\.first), trained.map(\.second))
  }

  mutating func visit(_ visitor: inout some ParameterVisitor) {
    for index in names.indices {
      visitor("first." + names[index], &first[index])
      visitor("second." + names[index], &second[index])
    }
  }

  func put(into moments: inout [AdamW.Moments]) {
    var next = 0
    for index in moments.indices where !moments[index].isFrozen {
      (moments[index].first, moments[index].second) = (first[next], second[next])
      next += 1
    }
  }
}

extension AdamW {
  /// Moments without values, for a checkpoint to fill.
  fileprivate func emptyMoments(of model: some Module, frozen: ParameterSelection) -> [Moments] {
    model.parameters.map { name, weights in
      let empty: () -> Tensor = { frozen(name, weights) ? .placeholder(weights.shape) : .zeros(weights.shape) }
      return Moments(name: name, decays: decayed(name, weights), first: empty(), second: empty())
    }
  }

  /// What a manifest says of the optimizer.
  fileprivate func settings(updateCount: Int, _ moments: [Moments]) -> JSONValue {
    func decimal(_ value: Float) -> JSONValue { .number(Double("\(value)") ?? Double(value)) }
    func names(_ selected: (Moments) -> Bool) -> JSONValue {
      .array(moments.filter(selected).map { .string(JSONString($0.name)) })
    }
    return [
      "type": "AdamW", "updates": .integer(updateCount), "beta1": decimal(beta1), "beta2": decimal(beta2),
      "epsilon": decimal(epsilon), "weight_decay": decimal(weightDecay),
      "clipping_norm": clippingNorm.map(decimal) ?? .null, "decayed": names(\.decays), "frozen": names(\.isFrozen),
    ]
  }
}
