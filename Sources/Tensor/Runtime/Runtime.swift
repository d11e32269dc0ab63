import Formats
import Foundation
import Kernels
import Synchronization

#if arch(x86_64)
  import KernelsAVX2
  import KernelsAVX512
#endif
#if arch(x86_64) && os(Linux)
  import KernelsAMX
#endif

/// A set of kernels: the instruction set that they are compiled for.
public enum KernelSet: String, Sendable, CaseIterable {
  /// SSE2 on x86-64, NEON on arm64.
  case baseline
  /// AVX2 with FMA and F16C.
  case avx2
  /// AVX-512 F, BW, CD, DQ and VL.
  case avx512
  /// AVX-512 and, for large products of matrices, the tile registers of Intel's AMX; on Linux, in programs that are not
  /// linked statically. Linux is asked for these registers once, after which alternate signal stacks of the process must
  /// hold about 11 KB.
  case amx
}

/// What computes: the kernels and the number of threads.
///
/// `ATTENTION_KERNELS` and `ATTENTION_THREADS` set them for a process. Neither changes a result's meaning; threads do
/// not change its bits either.
public enum Runtime {
  /// Reads the environment, so that a mistake in it is an error and not a trap at the first operation.
  ///
  /// - Throws: `unsupported` for kernels that this processor lacks, `badValue` for values that mean nothing.
  public static func start() throws(InputError) { _ = try initial.get() }

  /// The kernel sets that this processor can run, slowest first.
  public static let availableKernels: [KernelSet] = {
    var sets = [KernelSet.baseline]
    #if arch(x86_64)
      let features = ProcessorFeatures.current
      if features.hasAVX2 { sets.append(.avx2) }
      if features.hasAVX512 { sets.append(.avx512) }
      if features.hasAMX { sets.append(.amx) }
    #endif
    return sets
  }()

  /// The kernel set in use: the fastest that the processor has, unless forced.
  public static var kernelSet: KernelSet { availableKernels[selectedIndex] }

  /// Uses the kernels of `set` from now on.
  ///
  /// - Throws: `unsupported` where the processor lacks the instructions.
  public static func use(_ set: KernelSet) throws(InputError) {
    try start()
    selected.store(try index(of: set), ordering: .releasing)
  }

  /// The threads that take part in an operation, the caller's included. The processor's cores unless set; at least 1,
  /// at most 256.
  public static var threadCount: Int {
    get {
      _ = selectedIndex
      return Crew.shared.threads
    }
    set {
      _ = selectedIndex
      Crew.shared.threads = newValue
    }
  }

  // MARK: Selection

  private static let selected = Atomic<Int>(-1)

  private static let initial: Result<Void, InputError> = Result { () throws(InputError) in
    let environment = ProcessInfo.processInfo.environment
    var index = availableKernels.count - 1
    if let name = environment["ATTENTION_KERNELS"], !name.isEmpty {
      guard let set = KernelSet(rawValue: name) else {
        throw InputError(
          .badValue, "\"\(name)\" is no kernel set", at: "ATTENTION_KERNELS",
          advice: "Use one of \(KernelSet.allCases.map(\.rawValue).joined(separator: ", ")).")
      }
      index = try Runtime.index(of: set)
    }
    var threads = ProcessInfo.processInfo.activeProcessorCount
    if let text = environment["ATTENTION_THREADS"], !text.isEmpty {
      guard let number = Int(text), 1...Crew.mostThreads ~= number else {
        throw InputError(
          .badValue, "\"\(text)\" is no number of threads", at: "ATTENTION_THREADS",
          advice: "Use a number from 1 to \(Crew.mostThreads).")
      }
      threads = number
    }
    Crew.shared.threads = threads
    selected.store(index, ordering: .releasing)
  }

  private static func index(of set: KernelSet) throws(InputError) -> Int {
    guard let index = availableKernels.firstIndex(of: set) else {
      throw InputError(
        .unsupported, "this processor, or what this process may use of it, cannot run the \(set.rawValue) kernels",
        at: "ATTENTION_KERNELS",
        advice: "It can run \(availableKernels.map(\.rawValue).joined(separator: ", ")).")
    }
    return index
  }

  private static var selectedIndex: Int {
    let index = selected.load(ordering: .acquiring)
    if index >= 0 { return index }
    do throws(InputError) { try start() } catch { preconditionFailure(error.description) }
    return max(selected.load(ordering: .acquiring), 0)
  }

  /// The table in use. Tables of other instruction sets are never touched.
  ///
  /// It is lent from a place of its own: a constant of another module would be copied at each use, closure by closure.
  package static var kernels: KernelTable {
    _read { yield table.pointee }
  }

  private static var table: UnsafePointer<KernelTable> {
    #if arch(x86_64) && os(Linux)
      switch availableKernels[selectedIndex] {
      case .baseline: baseline
      case .avx2: avx2
      case .avx512: avx512
      case .amx: amx
      }
    #elseif arch(x86_64)
      switch availableKernels[selectedIndex] {
      case .baseline: baseline
      case .avx2: avx2
      case .avx512, .amx: avx512
      }
    #else
      baseline
    #endif
  }

  private nonisolated(unsafe) static let baseline = kept(.baseline)
  #if arch(x86_64)
    private nonisolated(unsafe) static let avx2 = kept(avx2Kernels)
    private nonisolated(unsafe) static let avx512 = kept(avx512Kernels)
  #endif
  #if arch(x86_64) && os(Linux)
    private nonisolated(unsafe) static let amx = kept(avx512Kernels.multiplyingInTiles(amxTiles, name: "amx"))
  #endif

  /// A place for a table that is never given back nor written again.
  private static func kept(_ table: KernelTable) -> UnsafePointer<KernelTable> {
    let place = UnsafeMutablePointer<KernelTable>.allocate(capacity: 1)
    place.initialize(to: table)
    return UnsafePointer(place)
  }
}

/// The kernels in use.
var kernels: KernelTable {
  _read { yield Runtime.kernels }
}
