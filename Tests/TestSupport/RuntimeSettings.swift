import Formats
import Foundation
import Tensor

/// Keeps tests that change the process's kernels or threads apart from tests that compare bits.
///
/// Swift Testing runs tests side by side, of all targets in one process, but the kernels are the whole process's.
public enum RuntimeSettings {
  private final class Lock: @unchecked Sendable {
    private let lock = UnsafeMutablePointer<pthread_rwlock_t>.allocate(capacity: 1)
    init() { pthread_rwlock_init(lock, nil) }
    func read() { pthread_rwlock_rdlock(lock) }
    func write() { pthread_rwlock_wrlock(lock) }
    func unlock() { pthread_rwlock_unlock(lock) }
  }
  private static let lock = Lock()

  /// Runs `body` while no test changes the kernels.
  public static func unchanged<Result>(_ body: () throws -> Result) rethrows -> Result {
    lock.read()
    defer { lock.unlock() }
    return try body()
  }

  /// Runs `body` with the given kernels (the process's own unless given) and threads, and then sets both back.
  public static func with<Result>(
    _ set: KernelSet? = nil, threads: Int, _ body: () throws -> Result
  ) throws -> Result {
    lock.write()
    defer { lock.unlock() }
    let (oldSet, oldThreads) = (Runtime.kernelSet, Runtime.threadCount)
    defer {
      try? Runtime.use(oldSet)
      Runtime.threadCount = oldThreads
    }
    try Runtime.use(set ?? oldSet)
    Runtime.threadCount = threads
    return try body()
  }
}
