import Formats
import Foundation
import TestSupport
import Testing

/// All families that are tried, each in a process of its own: what kills that process is a failed test and no more.
let families =
  safetensorsFamilies + indexFamilies + configurationFamilies + ggufFamilies + llama2CFamilies + tokenizerFamilies
  + sentencePieceFamilies

@Suite(.serialized) struct HostileTests {
  @Test(.timeLimit(.minutes(5)), arguments: families.map(\.name)) func family(_ name: String) async throws {
    let progress = FileManager.default.temporaryDirectory.appending(path: "progress-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: progress) }
    let result = await #expect(processExitsWith: .success) { [name = name as String, progress = progress as String] in
      for family in families where family.name == name {
        for problem in family.problems(progress: progress) { Issue.record("\(problem)") }
      }
    }
    if result == nil {
      let last = try String(contentsOfFile: progress, encoding: .utf8)
      Issue.record("the process ended at \(last)")
    }
  }

  /// The driver itself: every fault that it looks for is found where it is planted.
  @Test func plantedFaultsAreFound() async {
    await #expect(processExitsWith: .success) {
      func problems(_ expected: InputError.Kind..., open: @escaping @Sendable (String) throws -> Void) -> [String] {
        HostileFamily("planted", 1, [HostileCase("case", expected, make: { $0 }, open: open)])
          .problems(progress: "/dev/null")
      }
      let wrong = InputError(.badValue, "is wrong")
      let none = problems(.badValue) { _ in throw wrong }
      #expect(none.isEmpty, "\(none)")
      #expect(problems { _ in }.isEmpty, "fault 2")
      #expect(problems { _ in throw wrong }.count == 1, "fault 3")
      #expect(problems(.missing) { _ in throw wrong }.count == 1, "fault 4")
      #expect(problems(.missing) { _ in }.count == 1, "fault 5")
      #expect(problems(.badValue) { _ in throw CocoaError(.fileNoSuchFile) }.count == 1, "fault 6")
      #expect(HostileFamily("planted", 1, []).problems(progress: "/dev/null").count == 1, "fault 7")
      let slow = problems {
        _ in
        let start = clock()
        while Double(clock() - start) / Double(CLOCKS_PER_SEC) < 1.1 {}
      }
      #expect(slow.count == 1, "fault 8")
      #if os(Linux)
        #expect(problems { _ in _ = open("/dev/null", O_RDONLY) }.count == 1, "fault 9")
        let large = problems { _ in
          let bytes = [UInt8](repeating: 1, count: 40 << 20)
          if bytes[bytes.count - 1] == 0 { throw wrong }
        }
        #expect(large.count == 1, "fault 10")
      #endif
    }
  }

  @Test func aTrapIsAFailedTest() async {
    await withKnownIssue {
      await #expect(processExitsWith: .success) {
        let trap = HostileCase("trap") {
          $0
        } open: { path in
          _ = [0][path.utf8.count]
        }
        _ = HostileFamily("planted", 1, [trap]).problems(progress: "/dev/null")
      }
    }
  }

  @Test func everyFamilyIsTriedOnce() {
    #expect(Set(families.map(\.name)).count == families.count)
  }
}
