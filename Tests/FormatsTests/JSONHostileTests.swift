import Formats
import Foundation
import TestSupport
import Testing

@Suite struct JSONHostileInput {
  private static let sample =
    #"{"model":{"vocab":{"\u00e9a":0,"b\n":-12},"merges":[["a","b"]],"score":-1.5e-3},"x":[true,false,null,"é"]}"#

  @Test func `every prefix of a document is refused`() {
    let bytes = Array(Self.sample.utf8)
    for count in 0..<bytes.count {
      let kind = errorKind { () throws(InputError) in try JSONValue(parsing: Array(bytes[..<count])) }
      #expect(kind == .badJSON || kind == .badUTF8, "\(count) bytes")
    }
    #expect(throws: Never.self) { try JSONValue(parsing: bytes) }
  }

  @Test func `mutated documents are refused or come back equal`() throws {
    let sample = Array(Self.sample.utf8)
    let alphabet = Array("{}[]\",:\\u0019.eE+-tfn dD\u{0}\u{7f}".utf8) + [0x80, 0xBF, 0xC2, 0xE2, 0xED, 0xF0, 0xFF]
    var accepted = 0
    for seed in 0..<20_000 {
      var generator = SeededGenerator(seed)
      var bytes = sample
      bytes.mutate(&generator, alphabet: alphabet)
      guard let value = try? JSONValue(parsing: bytes) else { continue }
      accepted += 1
      #expect(try JSONValue(parsing: try value.encoded()) == value, "seed \(seed)")
    }
    // Both sides of the promise are exercised.
    #expect(accepted > 100 && accepted < 19_000, "\(accepted) accepted")
  }

  // A quadratic search for duplicates would take hours.
  @Test(.timeLimit(.minutes(5)))
  func `objects of 300,000 members take linear time`() throws {
    let body = (0..<300_000).map { "\"t\($0)\":\($0)" }.joined(separator: ",")
    guard case .object(let members) = try parse("{\(body)}") else {
      Issue.record("not an object")
      return
    }
    #expect(members.count == 300_000 && members[299_999].key == "t299999")
    #expect(errorKind { () throws(InputError) in try parse("{\(body),\"t7\":0}") } == .duplicate)
  }

  @Test(.timeLimit(.minutes(5)))
  func `a number of a million digits is decided`() throws {
    #expect(
      errorKind { () throws(InputError) in try parse(String(repeating: "9", count: 1_000_000)) } == .overflow)
    #expect(try parse("0." + String(repeating: "3", count: 1_000_000)) == .number(1 / 3))
    #expect(try parse("1e-" + String(repeating: "9", count: 1_000_000)) == .number(0))
  }

  // Skipped where ATTENTION_TEST_DATA is not set: the public JSONTestSuite is not part of the package.
  @Test(.enabled(if: testData != nil))
  func `the public test suite is decided as it asks`() throws {
    let folder = try #require(testData) + "/json-test-suite/test_parsing"
    // RFC 8259 leaves duplicate names to the parser; here they are refused, unless the caller asks otherwise.
    let duplicates: Set = ["y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"]
    var counts = ["y": 0, "n": 0, "i": 0]
    var accepted: Set<String> = []
    for name in try names(inFolder: folder) where name.hasSuffix(".json") {
      let bytes = try InputFile.contents(of: "\(folder)/\(name)", atMost: 1 << 20)
      let kind = errorKind { () throws(InputError) in try JSONValue(parsing: bytes) }
      counts[String(name.prefix(1)), default: 0] += 1
      let general = errorKind { () throws(InputError) in try JSONValue(parsing: bytes, repeatedKeys: .lastCounts) }
      #expect(general == (duplicates.contains(name) ? nil : kind), "\(name)")
      if duplicates.contains(name) {
        #expect(kind == .duplicate, "\(name)")
      } else if name.hasPrefix("y_") {
        #expect(kind == nil, "\(name)")
      } else if name.hasPrefix("n_") {
        #expect(kind != nil, "\(name)")
      } else if kind == nil {
        accepted.insert(name)
      }
    }
    #expect(counts == ["y": 95, "n": 188, "i": 35])
    // The decisions that the standard leaves open: big integers and underflow are accepted, everything else refused.
    #expect(
      accepted == [
        "i_number_double_huge_neg_exp.json", "i_number_real_underflow.json", "i_number_too_big_neg_int.json",
        "i_number_too_big_pos_int.json", "i_number_very_big_negative_int.json",
      ])
  }
}
