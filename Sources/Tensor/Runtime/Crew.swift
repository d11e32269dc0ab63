import Dispatch
import Foundation
import Synchronization

/// Work that is cut into independent tasks.
///
/// A conforming value holds pointers and sizes and lives on its caller's stack; running it allocates nothing.
package protocol ParallelWork {
  /// Does task `task`. `worker` is below the number of threads, and no two tasks that run at once share it.
  func run(task: Int, worker: Int)
  /// What a profile calls the work.
  var profileName: String { get }
  /// Its floating-point operations, for profiles; 0 where they are not counted.
  var flops: Int { get }
}

/// The threads that compute.
///
/// Waking a sleeping worker costs more than most regions of a forward pass take. So workers are started once through
/// Dispatch, watch for the next region while a pass goes on, and give their thread back to Dispatch after about a
/// millisecond without work: an idle process uses no processor time. The calling thread always works too. A region
/// that starts while another thread's region runs is done by its caller alone, so any number of threads may compute at
/// once. Which thread does a task never changes its result.
final class Crew: @unchecked Sendable {
  static let shared = Crew()

  /// `[epoch: 16 bits | highest worker: 8 bits | end: 20 bits | next: 20 bits]`: tasks `next..<end` are to be taken.
  /// Taking one is one compare-and-exchange on all four, so a late worker can never take a task of a region that has
  /// ended, nor one of a region that has no scratch memory for its number.
  ///
  /// Even workers take the first task, odd ones the last. So of two threads each meets the same half of the rows in
  /// region after region, and finds them in its own cache; of more, each stays in one half.
  private let ticket = Atomic<UInt64>(0)
  private let unfinished = Atomic<Int>(0)
  private let busy = Atomic<Bool>(false)
  private let workersAwake = Atomic<Int>(0)
  private let threadLimit = Atomic<Int>(1)
  /// One flag for each worker number: set while a worker with that number runs.
  private let present: [Presence] = (0..<256).map { _ in Presence() }
  private let queue = DispatchQueue(label: "swift-attention.crew", qos: .userInitiated, attributes: .concurrent)

  // Written by the caller that holds `busy` before it publishes a ticket, read by those who own a task of it.
  private nonisolated(unsafe) var work: UnsafeRawPointer?
  private nonisolated(unsafe) var workType: (any ParallelWork.Type)?

  private final class Presence: Sendable { let flag = Atomic<Bool>(false) }

  /// A ticket counts fewer tasks than this.
  static let taskLimit = 1 << 20
  /// The most threads.
  static let mostThreads = 256
  private static let patience: UInt64 = 1_000_000  // nanoseconds a worker watches for work before it leaves

  private init() {}

  var threads: Int {
    get { threadLimit.load(ordering: .relaxed) }
    set { threadLimit.store(min(max(newValue, 1), Crew.mostThreads), ordering: .relaxed) }
  }

  /// Runs every task of `work` on at most `threads` threads and returns when all are done.
  func run<Work: ParallelWork>(_ work: Work, tasks: Int, threads: Int) {
    Profile.region(work) { runUntimed(work, tasks: tasks, threads: threads) }
  }

  private func runUntimed<Work: ParallelWork>(_ work: Work, tasks: Int, threads: Int) {
    guard tasks < Crew.taskLimit else {
      let size = (tasks + Crew.taskLimit / 2 - 1) / (Crew.taskLimit / 2)
      let groups = GroupedWork(work: work, tasks: tasks, size: size)
      return runRegion(groups, tasks: (tasks + size - 1) / size, threads: threads)
    }
    runRegion(work, tasks: tasks, threads: threads)
  }

  private func runRegion<Work: ParallelWork>(_ work: Work, tasks: Int, threads: Int) {
    let threads = min(threads, Crew.mostThreads)
    guard tasks > 1, threads > 1, !busy.exchange(true, ordering: .acquiring) else {
      for task in 0..<max(tasks, 0) { work.run(task: task, worker: 0) }
      return
    }
    withUnsafePointer(to: work) { pointer in
      self.work = UnsafeRawPointer(pointer)
      self.workType = Work.self
      unfinished.store(tasks, ordering: .relaxed)
      let epoch = (ticket.load(ordering: .relaxed) >> 48) &+ 1
      ticket.store(epoch << 48 | UInt64(threads - 1) << 40 | UInt64(tasks) << 20, ordering: .releasing)
      if workersAwake.load(ordering: .relaxed) < threads - 1 { wake(threads - 1) }
      while let task = takeTask(as: 0) { finish(work.run(task: task, worker: 0)) }
      var turns = 0
      while unfinished.load(ordering: .acquiring) > 0 { turns = Crew.pause(turns) }
    }
    busy.store(false, ordering: .releasing)
  }

  private func finish(_: Void) { unfinished.subtract(1, ordering: .acquiringAndReleasing) }

  private func takeTask(as worker: UInt64) -> Int? {
    var current = ticket.load(ordering: .acquiring)
    while true {
      let next = current & 0xf_ffff, end = (current >> 20) & 0xf_ffff
      if next >= end || worker > (current >> 40) & 0xff { return nil }
      let takesLast = worker & 1 == 1
      let (exchanged, original) = ticket.weakCompareExchange(
        expected: current, desired: takesLast ? current &- 1 << 20 : current &+ 1, ordering: .acquiringAndReleasing)
      if exchanged { return Int(takesLast ? end - 1 : next) }
      current = original
    }
  }

  private func wake(_ count: Int) {
    for worker in 1...count where !present[worker].flag.exchange(true, ordering: .acquiring) {
      workersAwake.add(1, ordering: .relaxed)
      queue.async { [self] in watch(as: worker) }
    }
  }

  private func watch(as worker: Int) {
    var idleSince = DispatchTime.now().uptimeNanoseconds
    var turns = 0
    while worker < threads {
      if let task = takeTask(as: UInt64(worker)) {
        if let workType, let work { finish(Crew.perform(workType, work, task, worker)) }
        turns = 0
      } else {
        turns = Crew.pause(turns)
        if turns == 1 { idleSince = DispatchTime.now().uptimeNanoseconds }
        if turns & 63 == 0, DispatchTime.now().uptimeNanoseconds &- idleSince > Crew.patience { break }
      }
    }
    workersAwake.subtract(1, ordering: .relaxed)
    present[worker].flag.store(false, ordering: .releasing)
  }

  private static func perform<Work: ParallelWork>(
    _ type: Work.Type, _ work: UnsafeRawPointer, _ task: Int, _ worker: Int
  ) {
    work.assumingMemoryBound(to: Work.self).pointee.run(task: task, worker: worker)
  }

  /// A short wait: processor pauses first, then turns handed to other threads, so that more threads than processors
  /// still make progress. Returns the next turn's number.
  private static func pause(_ turn: Int) -> Int {
    if turn < 2000 {
      for _ in 0..<8 { Crew.shared.hint() }
    } else {
      sched_yield()
    }
    return turn &+ 1
  }

  /// A few cycles that the compiler does not remove.
  @inline(never) private func hint() {}
}

/// Tasks of another work, some at a time.
private struct GroupedWork<Work: ParallelWork>: ParallelWork {
  let work: Work
  let tasks: Int
  let size: Int

  func run(task: Int, worker: Int) {
    for one in task * size..<min(tasks, (task + 1) * size) { work.run(task: one, worker: worker) }
  }
}

/// Runs `work` on the crew: all of it here where it is small.
///
/// - Parameter threads: above every worker number that tasks will see. Work with scratch memory for each worker gives
///   the number that it has memory for: the setting may change meanwhile.
package func runInParallel(_ work: some ParallelWork, tasks: Int, threads: Int = Crew.shared.threads) {
  Crew.shared.run(work, tasks: tasks, threads: threads)
}
