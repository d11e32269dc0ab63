import Kernels

/// Memory for the kernels of one worker, cut into pieces that begin at lines of a cache.
struct ScratchMemory {
  private let base: Target
  /// Floats taken so far.
  private(set) var count = 0

  init(_ base: Target) { self.base = base }

  /// Gives addresses that hold nothing, to learn how much is taken.
  static var counting: ScratchMemory {
    guard let address = Target(bitPattern: 64) else { preconditionFailure("64 is an address") }
    return ScratchMemory(address)
  }

  mutating func take(_ floats: Int) -> Target {
    defer { count += (floats + 15) / 16 * 16 }
    return base + count
  }

  mutating func takeBlocks(_ blocks: Int, blockBytes: Int) -> PackedBlocks {
    PackedBlocks(take(PackedBlocks.bytes(blocks, blockBytes: blockBytes) / 4), blocks, blockBytes: blockBytes)
  }
}

/// Work whose tasks each need memory of the worker's own.
protocol ScratchWork {
  var tasks: Int { get }
  /// Floats that a task takes.
  var scratchCount: Int { get }
  func run(task: Int, _ scratch: inout ScratchMemory)
}

extension ScratchWork {
  /// Runs all tasks on the crew.
  func runOnCrew() {
    if tasks == 0 { return }
    let threads = Crew.shared.threads, count = scratchCount
    let memory = Pool.shared.take(threads * count * MemoryLayout<Float>.stride)
    let region = ScratchRegion(work: self, memory: memory.target, perWorker: count)
    runInParallel(region, tasks: tasks, threads: threads)
    withExtendedLifetime(memory) {}
  }
}

private struct ScratchRegion<Work: ScratchWork>: ParallelWork {
  let work: Work
  let memory: Target
  let perWorker: Int

  var profileName: String { Self.name(ofType: Work.self) }

  func run(task: Int, worker: Int) {
    var scratch = ScratchMemory(memory + worker * perWorker)
    work.run(task: task, &scratch)
  }
}
