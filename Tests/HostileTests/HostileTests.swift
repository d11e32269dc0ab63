import Formats
import Foundation
import TestSupport
import Testing

/// All families that are tried, by the kind of file.
let groups: [(name: String, families: [HostileFamily])] = [
  ("safetensors", safetensorsFamilies), ("indices", indexFamilies), ("configurations", configurationFamilies),
  ("GGUF", ggufFamilies), ("llama2.c", llama2CFamilies), ("tokenizers", tokenizerFamilies),
  ("SentencePiece", sentencePieceFamilies), ("images", imageFamilies), ("training", trainingFamilies),
  ("wide", wideFamilies),
]

@Suite(.serialized) struct HostileTests {
  /// Runs a group in a process of its own: what kills that process is a failed test and no more. The cases after the one
  /// that did are run in another.
  @Test(.timeLimit(.minutes(5)), arguments: groups.map(\.name)) func group(_ name: String) async throws {
    let progress = FileManager.default.temporaryDirectory.appending(path: "progress-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: progress) }
    var start: Int? = 0
    while let first = start {
      let result = await #expect(processExitsWith: .success) {
        [name = name as String, progress = progress as String, first = first as Int] in
        for group in groups where group.name == name {
          let problems = HostileCase.problems(of: group.families, from: first, progress: progress)
          for problem in problems { Issue.record("\(problem)") }
        }
      }
      start = nil
      if result == nil {
        let last = try String(contentsOfFile: progress, encoding: .utf8)
        Issue.record("the process ended at \(last)")
        start = last.split(separator: " ").first.flatMap { Int($0) }.map { $0 + 1 }
      }
    }
  }

  /// The driver itself: every fault that it looks for is found where it is planted.
  @Test func plantedFaultsAreFound() async {
    await #expect(processExitsWith: .success) {
      func problems(_ expected: InputError.Kind..., open: @escaping @Sendable (String) throws -> Void) -> [String] {
        HostileCase.problems(
          of: [HostileFamily("planted", 1, [HostileCase("case", expected, make: { $0 }, open: open)])],
          progress: "/dev/null")
      }
      let wrong = InputError(.badValue, "is wrong")
      let none = problems(.badValue) { _ in throw wrong }
      #expect(none.isEmpty, "\(none)")
      #expect(problems { _ in }.isEmpty, "fault 2")
      #expect(problems { _ in throw wrong }.count == 1, "fault 3")
      #expect(problems(.missing) { _ in throw wrong }.count == 1, "fault 4")
      #expect(problems(.missing) { _ in }.count == 1, "fault 5")
      #expect(problems(.badValue) { _ in throw CocoaError(.fileNoSuchFile) }.count == 1, "fault 6")
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
        _ = HostileCase.problems(of: [HostileFamily("planted", 1, [trap])], progress: "/dev/null")
      }
    }
  }

  @Test func everyCaseOfTheListIsTriedOrCannotBe() {
    #expect(list.reduce(0) { $0 + $1.counts.reduce(0, +) } == 792)
    let families = groups.flatMap(\.families)
    #expect(Set(families.map(\.name)).count == families.count)
    for (letter, counts) in list {
      for (index, count) in counts.enumerated() {
        let found = families.filter { $0.name == "\(letter)\(index + 1)" }
        guard found.count == 1, let family = found.first else {
          Issue.record("\(letter)\(index + 1) is tried \(found.count) times")
          continue
        }
        #expect(family.count == count, "\(family.name)")
        let names = family.cases.map(\.name) + family.without.map(\.name)
        #expect(names.count >= count, "\(family.name) has \(names.count) cases of \(count)")
        #expect(Set(names).count == names.count, "\(family.name) has a case twice")
        #expect(family.without.allSatisfy { !$0.reason.isEmpty }, "\(family.name)")
      }
    }
  }
}

/// The list of hostile inputs: how many cases each of its lines has.
private let list: [(letter: String, counts: [Int])] = [
  ("S", [9, 8, 4, 12, 7, 4, 5, 7, 10, 5, 9, 5, 9, 5, 6, 2, 6]),  // safetensors
  ("I", [13, 4, 4, 8, 5, 4, 8, 4, 2]),  // indices of shards
  ("C", [14, 56, 6, 2, 11, 8, 5, 4, 8, 3]),  // configurations
  ("G", [20, 10, 8, 8, 6, 13, 3, 6, 10, 9, 14, 3, 7, 11, 12, 4]),  // GGUF
  ("T", [17, 5, 7, 6, 10, 8, 5, 7, 7, 4, 6, 7, 11]),  // tokenizers
  ("P", [12, 9, 6, 3, 5, 6, 6, 6, 4, 11, 5, 4]),  // SentencePiece
  ("M", [14, 10, 10, 4, 11, 11, 6, 17, 4]),  // images
  ("K", [6, 9, 8, 8, 13, 6, 9, 6]),  // saved training runs
  ("L", [29, 8]),  // llama2.c
]
