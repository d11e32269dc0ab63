import Foundation
import Synchronization

/// The memory of all tensors: a pool with a hard limit.
///
/// A block stays with the pool when the last tensor that uses it goes, and serves the next tensor of about its size:
/// repeated work (a training step, a decoded token) takes nothing more from the system after its first round.
public enum Memory {
  /// The most bytes that tensors may take from the system. Reaching it first gives unused blocks back, then stops the
  /// program with a message. Nine tenths of the machine's memory unless set.
  public static var limit: Int {
    get { Pool.shared.state.withLock { $0.limit } }
    set { Pool.shared.state.withLock { $0.limit = newValue } }
  }
  /// Bytes that tensors hold from the system now, unused blocks included.
  public static var reservedBytes: Int { Pool.shared.state.withLock { $0.reserved } }
  /// The largest value that `reservedBytes` has had.
  public static var peakBytes: Int { Pool.shared.state.withLock { $0.peak } }
  /// How many blocks were taken from the system so far. It stands still in repeated work.
  public static var systemAllocationCount: Int { Pool.shared.state.withLock { $0.systemAllocations } }

  /// Whether tensors of this many bytes, in whole blocks, may still be made. Unused blocks make room.
  package static func hasRoom(for bytes: Int) -> Bool {
    Pool.shared.state.withLock { state in
      if bytes > state.limit - state.reserved { state.release(unusedFor: 0, unlessBelow: 0) }
      return bytes <= state.limit - state.reserved
    }
  }

  /// The bytes of the block that holds a tensor of `bytes` bytes.
  package static func blockSize(holding bytes: Int) -> Int { Pool.sizeClass(of: bytes).capacity }

  /// Gives every unused block back to the system.
  public static func trim() { Pool.shared.state.withLock { $0.release(unusedFor: 0, unlessBelow: 0) } }

  /// The most memory that this process has had in use, as the operating system counts it.
  public static var processPeakBytes: Int {
    #if os(Linux)
      // Not `ru_maxrss`: it begins at what the process had in use that started this one.
      let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
      let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
      if let kilobytes = line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Int($0) }) {
        return kilobytes * 1024
      }
    #endif
    var usage = rusage()
    #if canImport(Darwin)
      getrusage(RUSAGE_SELF, &usage)
      return usage.ru_maxrss
    #else
      getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
      return usage.ru_maxrss * 1024
    #endif
  }
}

/// One block of memory. The pool keeps a reference to each, so a block that nobody else refers to is free.
package final class Storage: @unchecked Sendable {
  let base: UnsafeMutableRawPointer
  let capacity: Int
  fileprivate let sizeClass: Int
  fileprivate var position = 0
  fileprivate var lastUse = 0

  /// What placeholders refer to, which have a shape but no elements yet; nobody reads it. It is not the pool's, so that it
  /// may be made at the limit too.
  static let placeholder = Storage(capacity: 64, sizeClass: -1)

  fileprivate init(capacity: Int, sizeClass: Int) {
    let large = 1 << 21
    base = .allocate(byteCount: capacity, alignment: capacity >= large ? large : 64)
    #if os(Linux)
      if capacity >= large { madvise(base, capacity, 14) }  // MADV_HUGEPAGE: fewer page faults and TLB misses
    #endif
    (self.capacity, self.sizeClass) = (capacity, sizeClass)
  }

  deinit { base.deallocate() }
}

final class Pool: Sendable {
  static let shared = Pool()
  let state = Mutex(State())

  struct State: Sendable {
    var limit = Int(Double(ProcessInfo.processInfo.physicalMemory) * 0.9)
    var reserved = 0
    var peak = 0
    var systemAllocations = 0
    var uses = 0
    var blocks: [[Storage?]] = Array(repeating: [], count: 8 * 64)
    /// Where the search of a class goes on: blocks used long ago are likelier to be free.
    var cursor: [Int] = Array(repeating: 0, count: 8 * 64)
  }

  /// Sizes in eight steps per power of two, from 64 bytes: at most an eighth is wasted.
  static func sizeClass(of bytes: Int) -> (index: Int, capacity: Int) {
    let bytes = max(bytes, 512)
    let exponent = Int.bitWidth - 1 - (bytes - 1).leadingZeroBitCount
    let step = 1 << (exponent - 3)
    let steps = (bytes + step - 1) / step  // 9...16, in units of an eighth of the power of two below
    return (exponent * 8 + steps - 9, steps * step)
  }

  /// A block of at least `bytes` bytes that nobody else uses; its contents are undefined.
  func take(_ bytes: Int) -> Storage {
    let (index, capacity) = Pool.sizeClass(of: bytes)
    return state.withLock { $0.take(index, capacity) }
  }

  /// Whether the caller's variable is the only one that refers to the block.
  func isExclusive(_ storage: inout Storage) -> Bool {
    let sizeClass = storage.sizeClass
    return state.withLock { state in
      let position = storage.position  // giving blocks back moves the others: only the lock keeps it still
      state.blocks[sizeClass][position] = nil
      let exclusive = isKnownUniquelyReferenced(&storage)
      state.blocks[sizeClass][position] = storage
      return exclusive
    }
  }
}

extension Pool.State {
  mutating func take(_ index: Int, _ capacity: Int) -> Storage {
    uses += 1
    if let free = firstFree(index) {
      free.lastUse = uses
      return free
    }
    release(unusedFor: 50_000, unlessBelow: 1 << 26)
    if reserved + capacity > limit { release(unusedFor: 0, unlessBelow: 0) }
    precondition(
      reserved + capacity <= limit,
      "tensors hold \(reserved) bytes and need \(capacity) more: over Memory.limit, \(limit). Use a smaller batch or a shorter sequence, or raise the limit."
    )
    let storage = Storage(capacity: capacity, sizeClass: index)
    storage.position = blocks[index].count
    storage.lastUse = uses
    blocks[index].append(storage)
    reserved += capacity
    peak = max(peak, reserved)
    systemAllocations += 1
    return storage
  }

  private mutating func firstFree(_ index: Int) -> Storage? {
    let count = blocks[index].count
    for position in 0..<min(count, 16) where isKnownUniquelyReferenced(&blocks[index][position]) {
      return blocks[index][position]
    }
    guard count > 16 else { return nil }
    var position = cursor[index]
    for _ in 0..<count {
      position = position + 1 < count ? position + 1 : 0
      if isKnownUniquelyReferenced(&blocks[index][position]) {
        cursor[index] = position
        return blocks[index][position]
      }
    }
    return nil
  }

  /// Gives back the free blocks that the last `age` requests did not use, when more than `bytes` are held.
  mutating func release(unusedFor age: Int, unlessBelow bytes: Int) {
    guard reserved > bytes else { return }
    for index in blocks.indices where !blocks[index].isEmpty {
      var kept: [Storage?] = []
      for position in blocks[index].indices {
        if isKnownUniquelyReferenced(&blocks[index][position]), let block = blocks[index][position],
          uses - block.lastUse >= age
        {
          reserved -= block.capacity
        } else {
          kept.append(blocks[index][position])
        }
      }
      if kept.count < blocks[index].count {
        for position in kept.indices { kept[position]?.position = position }
        blocks[index] = kept
        cursor[index] = 0
      }
    }
  }
}
