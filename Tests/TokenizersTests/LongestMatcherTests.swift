import Formats
import Foundation
import TestSupport
import Testing

@testable import Tokenizers

/// The linear matcher of strings against one that tries all strings at all places.
@Suite struct LongestMatcherTests {
  /// The longest string that stands at a place; the first of equal ones.
  private func longest(_ strings: [[UInt8]], in text: [UInt8], at start: Int, before end: Int) -> Int? {
    var best: Int?
    for (index, string) in strings.enumerated() where text.holds(string, at: start, before: end) {
      if best.map({ strings[$0].count < string.count }) ?? true { best = index }
    }
    return best
  }

  private func matches(_ strings: [[UInt8]], in text: [UInt8]) -> [[Int]] {
    var (matches, index) = ([[Int]](), 0)
    while index < text.count {
      guard let match = longest(strings, in: text, at: index, before: text.count) else {
        index += 1
        continue
      }
      matches.append([match, index, index + strings[match].count])
      index += strings[match].count
    }
    return matches
  }

  private func found(_ matcher: LongestMatcher, in text: [UInt8]) -> [[Int]] {
    var found: [[Int]] = []
    matcher.forEachMatch(in: text) { found.append([$0, $1, $2]) }
    return found
  }

  @Test func findsWhatTryingAllFinds() {
    var random = FixedRandom()
    for round in 0..<400 {
      let letters = UInt8.random(in: 1...4, using: &random)
      func string(_ length: Int) -> [UInt8] { (0..<length).map { _ in UInt8.random(in: 0..<letters, using: &random) } }
      let count = Int.random(in: 0..<12, using: &random)
      let strings = (0..<count).map { _ in string(Int.random(in: 1...7, using: &random)) }
      let matcher = LongestMatcher(strings)
      for length in [0, 1, 5, round % 90] {
        let text = string(length)
        #expect(found(matcher, in: text) == matches(strings, in: text), "\(strings) in \(text)")
        let start = Int.random(in: 0...length, using: &random)
        let lengths = (start..<length).map { place in
          longest(strings, in: text, at: place, before: length).map { Int32(strings[$0].count) } ?? 0
        }
        #expect(matcher.lengths(in: text, start, length) == lengths, "\(strings) in \(text) from \(start)")
      }
    }
  }

  @Test func findsWhatStandsAcrossTheStretchesOfALongText() {
    let strings = [[UInt8](repeating: 1, count: 300) + [2], [1, 1], [2, 1, 1, 1], [3]]
    let matcher = LongestMatcher(strings)
    var random = FixedRandom()
    var text: [UInt8] = []
    while text.count < 60_000 {
      text += [UInt8](repeating: 1, count: Int.random(in: 0..<700, using: &random))
      text.append(UInt8.random(in: 2...3, using: &random))
    }
    #expect(found(matcher, in: text) == matches(strings, in: text))
  }

  /// The flags of added tokens, as a plain loop over the matches has them.
  private func segments(_ tokens: [AddedToken], in text: [UInt8]) -> [AddedTokenMatcher.Segment] {
    func isSpace(_ index: Int) -> Bool { [0x20, 0x0A].contains(text[index]) }
    func isWord(_ index: Int) -> Bool { text.indices.contains(index) && (0x61...0x7A).contains(text[index]) }
    var (segments, segmentStart) = ([AddedTokenMatcher.Segment](), 0)
    for match in matches(tokens.map(\.content), in: text) {
      let token = tokens[match[0]]
      var (start, end) = (match[1], match[2])
      if token.isSingleWord && (isWord(start - 1) || isWord(end)) { continue }
      while token.stripsLeft && start > segmentStart && isSpace(start - 1) { start -= 1 }
      if token.stripsLeft { start = max(start, segmentStart) }
      while token.stripsRight && end < text.count && isSpace(end) { end += 1 }
      guard start <= end else { continue }
      if segmentStart < start { segments.append(.init(id: nil, start: segmentStart, end: start)) }
      if start < end { segments.append(.init(id: token.id, start: start, end: end)) }
      segmentStart = end
    }
    if segmentStart < text.count { segments.append(.init(id: nil, start: segmentStart, end: text.count)) }
    return segments
  }

  @Test func flagsOfAddedTokensCount() throws {
    var random = FixedRandom()
    for _ in 0..<2000 {
      let letters = Array(" \na<".utf8)
      func string(_ length: Int) -> [UInt8] { (0..<length).compactMap { _ in letters.randomElement(using: &random) } }
      let tokens = (0..<Int.random(in: 0..<5, using: &random)).map { id in
        AddedToken(
          content: string(Int.random(in: 1...4, using: &random)), id: id, isSingleWord: .random(using: &random),
          stripsLeft: .random(using: &random), stripsRight: .random(using: &random))
      }
      let text = string(Int.random(in: 0..<30, using: &random))
      let matcher = try AddedTokenMatcher(tokens, as: tokens.map(\.content))
      #expect(matcher.segments(of: text) == segments(tokens, in: text), "\(tokens) in \(text)")
    }
  }

  /// Each of these took time in proportion to the square of something.
  @Test(arguments: ["long", "nested", "stripping"]) func timeIsInProportionToTheText(_ name: String) async {
    // In a process of its own, whose processor time no other test takes.
    await #expect(processExitsWith: .success) { [name = name as String] in
      let (letter, count) = (UInt8(ascii: "a"), 100_000)
      let tokens: [AddedToken]
      let text: [UInt8]
      switch name {
      case "long":
        tokens = [AddedToken(content: [UInt8](repeating: letter, count: 500) + [UInt8(ascii: "b")], id: 0)]
        text = [UInt8](repeating: letter, count: count)
      case "nested":
        tokens = (0..<50).map {
          AddedToken(content: [UInt8](repeating: letter, count: 10 * $0 + 1) + ($0 == 0 ? [] : [98]), id: $0)
        }
        text = [UInt8](repeating: letter, count: count)
      default:
        tokens = [AddedToken(content: [0x20], id: 0, stripsLeft: true, stripsRight: true)]
        text = [UInt8](repeating: 0x20, count: count)
      }
      let start = clock()
      let segments = try AddedTokenMatcher(tokens, as: tokens.map(\.content)).segments(of: text)
      #expect(segments.last?.end == count)
      #expect(Double(clock() - start) / Double(CLOCKS_PER_SEC) < 4)
    }
  }

  @Test func tooManyBytesAreRefused() {
    let long = [UInt8](repeating: 1, count: AddedTokenMatcher.longestToken)
    let count = AddedTokenMatcher.byteLimit / long.count
    for (more, expected) in [(0, InputError.Kind?.none), (1, .tooLarge)] {
      let tokens = [AddedToken](repeating: AddedToken(content: long, id: 0), count: count + more)
      let found = kind { () throws(InputError) in _ = try AddedTokenMatcher(tokens, as: tokens.map(\.content)) }
      #expect(found == expected)
    }
  }
}
