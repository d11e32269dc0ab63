import Dispatch
import Synchronization

/// Where time goes: the crew's regions by name, while a profile is taken.
///
/// Outside of a profile it costs one relaxed load for each region.
package enum Profile {
  /// What all regions of one name took together.
  package struct Entry: Sendable {
    /// The operation, and what tells it from its like: a layout, a shape.
    package let name: String
    /// How many regions there were.
    package fileprivate(set) var calls = 0
    /// Wall-clock time.
    package fileprivate(set) var seconds = 0.0
    /// Floating-point operations, where they are counted.
    package fileprivate(set) var flops = 0
  }

  private static let isOn = Atomic<Bool>(false)
  private static let entries = Mutex<[String: Entry]>([:])

  /// Runs `body`, and gives the regions that ran meanwhile, the longest first. One profile is taken at a time.
  package static func taken(of body: () -> Void) -> [Entry] {
    entries.withLock { $0 = [:] }
    isOn.store(true, ordering: .sequentiallyConsistent)
    body()
    isOn.store(false, ordering: .sequentiallyConsistent)
    return entries.withLock { $0.values.sorted { ($0.seconds, $1.name) > ($1.seconds, $0.name) } }
  }

  /// Runs a region, timed while a profile is taken.
  @inline(__always)
  static func region(_ work: some ParallelWork, _ run: () -> Void) {
    guard isOn.load(ordering: .relaxed) else { return run() }
    let start = DispatchTime.now().uptimeNanoseconds
    run()
    let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
    let name = work.profileName, flops = work.flops
    entries.withLock { entries in
      var entry = entries[name] ?? Entry(name: name)
      entry.calls += 1
      entry.seconds += seconds
      entry.flops += flops
      entries[name] = entry
    }
  }
}

extension ParallelWork {
  /// The type's name in words, without its last, "Work".
  package var profileName: String { Self.name(ofType: Self.self) }

  static func name(ofType type: Any.Type) -> String {
    var name = ""
    for character in String(describing: type).dropLast(4) {
      let follows = name.last.map { $0.isLowercase } ?? false
      name += character.isUppercase && follows ? " \(character.lowercased())" : "\(character)"
    }
    return name
  }
  package var flops: Int { 0 }
}
