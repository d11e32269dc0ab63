import Formats
import Synchronization

/// What became of a tensor of a file.
public enum TensorFate: Sendable, Equatable {
  /// A parameter of the same name was filled with it.
  case loaded
  /// A parameter of this name was filled with it.
  case renamed(String)
  /// A parameter of this name was filled with it, its two axes exchanged.
  case transposed(String)
  /// A parameter of this name was filled with it, its rows in another order.
  case reordered(String)
  /// It is a part of a tensor of the file, of this name, that holds several parameters; this one was filled with it.
  case split(String, from: String)
  /// It repeats the values of another parameter, which serves for both.
  case tied
  /// It holds what the model computes itself: a mask, a table of frequencies.
  case constant
  /// Nothing took it: where the model could be loaded, it belongs to a part that the model does not have.
  case unused
}

/// What became of every tensor of a checkpoint and every parameter of a model.
public struct LoadReport: Sendable {
  /// Parameters that were filled: the model's name and the file's.
  public internal(set) var loaded: [(parameter: String, tensor: String)] = []
  /// What became of each tensor of the file, in the file's order. Only `receipts(of:)` looks whether those that should
  /// repeat another one do.
  public internal(set) var receipt: [(tensor: String, fate: TensorFate)] = []
  /// Tensors of the file that the family is known to leave aside.
  public internal(set) var ignored: [String] = []
  /// Parameters that the file does not have, with the nearest names that it has.
  public internal(set) var missing: [(parameter: String, nearest: [String])] = []
  /// Tensors that no parameter took, with the nearest names that the model has.
  public internal(set) var unused: [(tensor: String, nearest: [String])] = []
  /// Parameters whose tensor has another shape or a type that holds no parameters.
  public internal(set) var unfit: [(parameter: String, tensor: String, reason: String)] = []

  /// Whether every parameter was filled and every tensor accounted for.
  public var isComplete: Bool { missing.isEmpty && unused.isEmpty && unfit.isEmpty }

  /// The lines of an error that names everything: all of them, unless a file from a stranger would fill screens for ever.
  /// Then "..." stands for those beyond 64 KB; the first is there in any case, cut to 4,096 bytes.
  static func shown(_ lines: [String]) -> [String] {
    var bytes = 0
    let count = lines.prefix { line in
      bytes += line.utf8.count
      return bytes <= byteLimit
    }.count
    let first =
      count == 0
      ? lines.prefix(1).map { String(decoding: $0.utf8.prefix(1 << 12), as: UTF8.self) } : Array(lines.prefix(count))
    return first + (count < lines.count ? ["..."] : [])
  }

  /// How many bytes of lines are shown.
  static let byteLimit = 1 << 16

  /// One error that lists everything that does not fit.
  func error(at place: String) -> InputError {
    func nearest(_ names: [String]) -> String { names.isEmpty ? "" : " (nearest: \(names.joined(separator: ", ")))" }
    func list(_ title: String, _ lines: [String]) -> [String] {
      if lines.isEmpty { return [] }
      return ["  \(title), \(lines.count):"] + LoadReport.shown(lines).map { "    " + $0 }
    }
    let lines =
      list("missing", missing.map { $0.parameter + nearest($0.nearest) })
      + list("unused", unused.map { $0.tensor + nearest($0.nearest) })
      + list("of another shape or type", unfit.map { "\($0.parameter): \($0.reason)" })
    let kind: InputError.Kind = !missing.isEmpty ? .missing : .inconsistent
    return InputError(
      kind, "the tensors do not fit the model:\n" + lines.joined(separator: "\n") + "\n ", at: place,
      advice: "Check that config.json belongs to these weights.")
  }
}

extension LoadReport {
  /// The reports of everything that `load` loads, whichever family's loader it calls, in the order of loading.
  ///
  ///     let (model, reports) = try LoadReport.receipts { () throws(InputError) in try PretrainedModel.load(from: folder) }
  ///     for (tensor, fate) in reports.flatMap(\.receipt) { print(tensor, fate) }
  ///
  /// - Throws: What `load` throws.
  public static func receipts<Loaded>(
    of load: () throws(InputError) -> Loaded
  ) throws(InputError) -> (loaded: Loaded, reports: [LoadReport]) {
    let collector = Collector()
    let result = $collector.withValue(collector) { () -> Result<Loaded, InputError> in
      do throws(InputError) { return .success(try load()) } catch { return .failure(error) }
    }
    return (try result.get(), collector.reports.withLock { $0 })
  }

  final class Collector: Sendable {
    let reports = Mutex<[LoadReport]>([])
  }

  /// Where reports go while somebody asks for them. Loaders need not hand them through.
  @TaskLocal static var collector: Collector?
}
