import Formats
import Tensor

/// What decides a run's last bits besides its recipe: kernel sets round differently from each other.
struct Arithmetic: Equatable {
  let kernels: String
  /// The baseline kernels of two architectures differ, too.
  let processor: String

  /// Of this process, now.
  static var current: Arithmetic { Arithmetic(kernels: Runtime.kernelSet.rawValue, processor: thisProcessor) }

  private static var thisProcessor: String {
    #if arch(x86_64)
      "x86_64"
    #elseif arch(arm64)
      "arm64"
    #else
      "another architecture"
    #endif
  }
}

extension Arithmetic {
  init(_ json: JSONField) throws(InputError) {
    kernels = try json.required("kernels").string()
    processor = try json.required("processor").string()
  }

  /// The members that a manifest has for it.
  var members: [JSONMember] {
    [
      JSONMember("kernels", .string(JSONString(kernels))), JSONMember("processor", .string(JSONString(processor))),
    ]
  }

  /// Checks that this process computes the bits of a run that was saved with `saved`.
  ///
  /// - Throws: `inconsistent`, with the way to the kernels of the saved run.
  func requireSame(as saved: Arithmetic) throws(InputError) {
    guard processor == saved.processor else {
      throw InputError(
        .inconsistent, "the run was saved on \(saved.processor), and would not have the same bits on \(processor)",
        at: Manifest.fileName, advice: "Resume it on a processor of that kind, or begin a new run.")
    }
    guard kernels == saved.kernels else {
      let isAvailable = Runtime.availableKernels.contains { $0.rawValue == saved.kernels }
      throw InputError(
        .inconsistent,
        "the run was saved with the \(saved.kernels) kernels, and would not have the same bits with \(kernels)",
        at: Manifest.fileName,
        advice: isAvailable
          ? "Set ATTENTION_KERNELS=\(saved.kernels) to resume it."
          : "This processor lacks them: resume it where it began, or begin a new run.")
    }
  }
}
