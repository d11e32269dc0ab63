import Formats
import Foundation
import Testing
import Tokenizers

/// Templates of common families, and pieces that each show one thing, against what Jinja makes of them as `transformers` sets
/// it up. Scripts/chat_template_fixtures.py wrote them, with the versions that it names.
@Suite struct ChatTemplateTests {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures/ChatTemplates")

  static func source(_ name: String) throws -> String {
    String(decoding: try Data(contentsOf: folder.appending(path: name)), as: UTF8.self)
  }

  private func cases() throws -> (head: JSONField, cases: ArraySlice<JSONField>) {
    let all = Array(try JSONField(parsing: Array(try Self.source("expected.json").utf8), at: "expected").array())
    return (all[0], all.dropFirst())
  }

  private func members(_ value: JSONValue) -> [JSONMember] {
    if case .object(let members) = value { members } else { [] }
  }

  private func check(_ golden: JSONField, _ name: String, _ body: () throws -> String) throws {
    if let reason = try golden.optional("fails")?.string() {
      let error = #expect(throws: InputError.self, "\(name)") { _ = try body() }
      // What Python refuses for its arguments is refused for them, and not for want of a filter or a method.
      if ["TypeError", "FilterArgumentError"].contains(reason) {
        #expect(error?.kind == .badValue, "\(name): \(error?.description ?? "")")
      }
      return
    }
    let expected = try golden.required("text").string()
    do {
      let text = try body()
      #expect(text.utf8.elementsEqual(expected.utf8), "\(name)\n\(text.debugDescription)\n\(expected.debugDescription)")
    } catch {
      Issue.record("\(name): \(error)")
    }
  }

  @Test func families() throws {
    let (head, cases) = try cases()
    let variables = members(try head.required("variables").value())
    var count = 0
    for golden in cases {
      guard let name = try golden.optional("template")?.string() else { continue }
      count += 1
      let conversation = try golden.required("conversation")
      let given: Set<JSONString> = ["messages", "tools", "add_generation_prompt"]
      let others = members(try conversation.value()).filter { !given.contains($0.key) }
      try check(golden, "\(name): \(try conversation.value())") {
        try ChatTemplate(try Self.source(name + ".jinja")).text(
          messages: try conversation.required("messages").value(),
          tools: conversation.optional("tools")?.value() ?? .null,
          addingGenerationPrompt: conversation.optional("add_generation_prompt")?.bool() ?? false,
          variables: variables + others)
      }
    }
    #expect(count >= 100)
  }

  @Test func pieces() throws {
    let (head, cases) = try cases()
    let context = members(try head.required("context").value())
    for golden in cases {
      guard let source = try golden.optional("source")?.string() else { continue }
      try check(golden, source) { try ChatTemplate(source).text(messages: [], variables: context) }
    }
  }

  @Test func theTimeIsWrittenAsInC() throws {
    let template = try ChatTemplate("{{ strftime_now('%d %b %Y|%-d/%m/%y %H:%M:%S %I %p %A %a %B %j %F %T %e %%') }}")
    let zone = try #require(TimeZone(secondsFromGMT: 0))
    let text = try template.text(messages: [], date: Date(timeIntervalSince1970: 1_707_138_305), timeZone: zone)
    #expect(text == "05 Feb 2024|5/02/24 13:05:05 01 PM Monday Mon February 036 2024-02-05 13:05:05  5 %")
    #expect(throws: InputError.self) { _ = try ChatTemplate("{{ strftime_now('%Q') }}").text(messages: []) }
  }

  @Test func errorsNameTheLine() throws {
    func place(_ source: String) -> String? {
      do throws(InputError) {
        _ = try ChatTemplate(source).text(messages: [["role": "user"]])
        return nil
      } catch { return error.place }
    }
    #expect(place("a\nb\n{{ 1 + }}") == "line 3")
    #expect(place("{# x\n #}\n{% nonsense %}") == "line 3")
    #expect(place("\n{% for m in messages %}\n{{ m.content + 'x' }}\n{% endfor %}") == "line 3")
    #expect(place("\n\n{{ raise_exception('no') }}") == "line 3")
    #expect(place("{% if true %}\nx") == "line 1")
  }

  /// As Python and Jinja refuse them with a TypeError.
  @Test(arguments: [
    "'x'|center(3, '*')", "'x'|center(3, width=3)", "'x'|center(fillchar='*')", "'x'|center(wide=3)",
    "'x'|center(none)", "'x'.center(4, none)", "'x'.center(width=4)", "'x'.center(4, fillchar='*')",
    "'x'.center(4, '*', 1)", "'x'.center()", "'x'.zfill(4, 'xy')", "'x'.zfill(4, '0')", "'x'.zfill(width=4)",
    "'x'.ljust(4, 'xy')", "'x'.rjust(4, ' ', 2)", "'x'|trim(char='x')", "[1]|sort(by='k')", "'x'|upper(1)",
    "{}|tojson(indents=2)", "{}|dictsort(by='other')", "['x']|map('upper', attribute='k')",
    "[1]|map(attribute='k', x=1)",
    "[1]|select('odd', x=1)", "1 is odd(x=1)", "'x'.strip(chars='x')", "{}.get(key='x')", "range(stop=3)",
  ]) func argumentsThatAFunctionDoesNotTakeAreRefused(_ call: String) throws {
    let error = #expect(throws: InputError.self) { try ChatTemplate("\n{{ \(call) }}").text(messages: []) }
    #expect(error?.kind == .badValue && error?.place == "line 2")
  }

  @Test func whatIsNotImplementedIsNotLeftAside() throws {
    for call in [
      "'1f'|int(base=16)", "1.5|round(23, 'ceil')", "1e300|round(-300)", "dict([('a', 1)])", "namespace([('a', 1)])",
    ] {
      let error = #expect(throws: InputError.self) { try ChatTemplate("\n{{ \(call) }}").text(messages: []) }
      #expect(error?.kind == .unsupported && error?.place == "line 2", "\(call)")
    }
  }

  @Test func argumentsThatAFillingMethodTakesAreHeeded() throws {
    let source =
      "{{ 'x'|center(3) }}|{{ 'x'|center(width=4) }}|{{ 'x'.center(3, '*') }}|{{ '-1'.zfill(4) }}|{{ 'x'.ljust(2) }}|"
    #expect(try ChatTemplate(source).text(messages: []) == " x | x  |*x*|-001|x |")
  }

  /// Templates that ask for too much: the source, and the error.
  private static let greedy: [(source: String, kind: InputError.Kind)] = {
    func many(_ text: String, _ count: Int = 20_000) -> String { String(repeating: text, count: count) }
    var cases: [(source: String, kind: InputError.Kind)] = []
    for source in [
      "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
      "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "{% macro f(n) %}{{ f(n) ~ f(n) }}{% endmacro %}{{ f(1) }}",
      "{{ 'a' * 10000000000 }}", "{{ [1] * 10000000000 }}", "{{ 'x'.ljust(9999999999) }}", "{{ range(1000000) }}",
      "{% set ns = namespace(s='aaaaaaaa') %}{% for i in range(90) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
      "{% set s = 'a' * 1000000 %}{{ s.replace('a', s) }}", "{{ 'a'.center(10 ** 15) }}",
      "{{ [1]|tojson(indent=10 ** 15) }}", "{{ 'a'|indent(10 ** 15) }}", "{{ [[1]]|tojson(indent=10 ** 8 + 10 ** 7) }}",
      "{% set s = 'a' * 1000000 %}{% for i in range(100000) %}{{ s == s }}{% endfor %}",
      "{% set l = [('a' * 1000000)] * 1000000 %}{{ l }}", "{% set l = [('a' * 1000000)] * 1000000 %}{{ l|tojson }}",
      "{% set l = [('a' * 1000000)] * 1000000 %}{{ l|join }}", "{% set l = [('a' * 1000000)] * 1000000 %}{{ l|sort }}",
      "{% set ns = namespace(l=[]) %}{% for i in range(10000) %}{% set ns.l = [ns.l] %}{% endfor %}",
      "{{ range(0, 10 ** 18, 10 ** 17) }}",
      "{% macro f() %}{{ varargs|length }}{% endmacro %}{% set l = [1] * 1000000 %}"
        + "{% for i in range(100000) %}{{ f(*l) }}{% endfor %}",
      "{% macro \(many("f")) () %}{% endmacro %}{% set l = [\(many("f"))] * 1000000 %}{{ l }}",
      "{% macro f() %}{{ caller() }}{% endmacro %}{% macro g() %}{% call f() %}{{ g() }}{% endcall %}{% endmacro %}{{ g() }}",
    ] { cases.append((source, .budget)) }
    cases.append(("{% set ns = namespace() %}{% set ns.a = ns %}", .unsupported))
    for source in [
      "{{ 2 ** 64 }}", "{{ 9223372036854775807 + 1 }}", "{{ 99999999999999999999 }}",
      "{{ '99999999999999999999'|int }}",
      "{{ 1e300|int }}", "{{ 9223372036854775807|round(-19) }}",
      "{{ (0 - 9223372036854775807 - 1) // -1 }}",
    ] { cases.append((source, .overflow)) }
    cases.append(("{{ -(0 - 9223372036854775807 - 1) }}", .badValue))
    let nested = [
      many("(") + "1" + many(")"), many("[") + many("]"), many("{1:") + "1" + many("}"), many("-") + "1",
      many("f(") + many(")"), "x" + many("[x") + many("]"), "x" + many(" if 1 else 2"),
    ]
    for source in nested { cases.append(("{{ \(source) }}", .tooLarge)) }
    for block in ["if true", "for x in y", "macro a()", "filter trim", "set x", "call f()"] {
      cases.append((many("{% \(block) %}"), .tooLarge))
    }
    return cases
  }()

  @Test(.timeLimit(.minutes(5))) func noTemplateRunsForEver() {
    for (source, expected) in Self.greedy {
      let start = ContinuousClock.now
      let found = kind { () throws(InputError) in _ = try ChatTemplate(source).text(messages: []) }
      #expect(found == expected, "\(source.prefix(80))")
      #expect(ContinuousClock.now - start < .seconds(60), "\(source.prefix(80))")
    }
  }

  @Test func longFlatTemplatesAreFine() throws {
    let operands = "{{ 0" + String(repeating: " + 1", count: 20_000) + " }}"
    #expect(try ChatTemplate(operands).text(messages: []) == "20000")
    let choices = "{% if false %}" + String(repeating: "{% elif false %}", count: 20_000) + "{% else %}x{% endif %}"
    #expect(try ChatTemplate(choices).text(messages: []) == "x")
    let filters = "{{ ' a '" + String(repeating: "|trim", count: 20_000) + " }}"
    #expect(try ChatTemplate(filters).text(messages: []) == "a")
    let nots = "{{ " + String(repeating: "not ", count: 20_000) + "1 }}"
    #expect(try ChatTemplate(nots).text(messages: []) == "True")
  }

  @Test func damagedTemplatesNeverTrap() throws {
    let names = ["llama31", "mistral", "qwen3", "macros", "deepseek"]
    var sources: [[UInt8]] = []
    for name in names { sources.append(Array(try Self.source(name + ".jinja").utf8)) }
    sources += [
      Array("{% for i in range(9) %}{{ x[i:] ~ loop.index ** 2 }}{% set ns = namespace(a=[i]) %}{% endfor %}".utf8)
    ]
    let (parts, messages) = (
      ["{%", "%}", "{{", "}}", "-", "|", "(", ")", "[", "]", "loop", "endif", "\"", "'", "#", " is ", "**"],
      [["role": "user", "content": "Hi"], ["role": "assistant", "content": "Ho", "tool_calls": [[:]]]] as JSONValue
    )
    var random = FixedRandom()
    var accepted = 0
    for _ in 0..<20_000 {
      let base = sources[Int.random(in: 0..<sources.count, using: &random)]
      let start = Int.random(in: 0..<base.count, using: &random)
      var source = Array(base[start...].prefix(Int.random(in: 0...400, using: &random)))
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let place = Int.random(in: 0...source.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: source.insert(contentsOf: parts[Int.random(in: 0..<parts.count, using: &random)].utf8, at: place)
        case 1: source.removeSubrange(place..<min(source.count, place + Int.random(in: 0...9, using: &random)))
        default: if place < source.count { source[place] = UInt8.random(in: 0x20...0x7E, using: &random) }
        }
      }
      let text = try? ChatTemplate(String(decoding: source, as: UTF8.self)).text(messages: messages, tools: messages)
      if text != nil { accepted += 1 }
    }
    #expect(accepted > 500)
  }

  @Test func templatesComeWithAFolder() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "chat-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    func write(_ name: String, _ text: String) throws { try Data(text.utf8).write(to: folder.appending(path: name)) }
    func text(_ name: String? = nil, tools: JSONValue = .null) throws -> String {
      try PipelineTokenizer(directory: folder.path).applyChatTemplate(
        messages: [["role": "user", "content": "Hi"]], tools: tools, named: name, variables: [JSONMember("v", "V")])
    }
    try Data(try smallGPT2.encoded()).write(to: folder.appending(path: "tokenizer.json"))
    #expect(
      kind { () throws(InputError) in
        _ = try PipelineTokenizer(directory: folder.path).applyChatTemplate(messages: [])
      } == .missing)
    try write(
      "tokenizer_config.json",
      #"{"chat_template": "{{ bos_token ~ messages[0].content ~ v }}{{ eos_token }}", "bos_token": "<s>"}"#)
    #expect(try text() == "<s>HiV")
    try write("special_tokens_map.json", #"{"bos_token": "<t>", "eos_token": {"content": "</s>"}}"#)
    #expect(try text() == "<t>HiV</s>")
    try write(
      "tokenizer_config.json",
      #"{"chat_template": [{"name": "default", "template": "D"}, {"name": "tool_use", "template": "T"}]}"#)
    #expect(try text() == "D")
    #expect(try text(tools: [[:]]) == "T")
    #expect(try text("tool_use") == "T")
    #expect(
      kind { () throws(InputError) in
        _ = try PipelineTokenizer(directory: folder.path).applyChatTemplate(messages: [], named: "other")
      } == .missing)
    try write("chat_template.jinja", "J{{ messages|length }}")
    #expect(try text() == "J1")
    #expect(
      kind { () throws(InputError) in
        _ = try PipelineTokenizer(directory: folder.path).applyChatTemplate(messages: [])
      } == .badValue)
    // What transformers 5.23 gives: null is absent, a reasoning goes by two names, and lists are written as Python does.
    let members = "{{ m.keys()|join(',') }}:{{ m.content }}{{ m.thinking }}{{ m.reasoning_content }}{{ m.x }};"
    let list = "{{ ['\u{A0}\u{2028}\u{E9}\u{10FFFF}\u{AD}\u{200D}\u{1F600}\u{85}\u{7F}\"'] }}"
    try write("chat_template.jinja", "{% for m in messages %}\(members){% endfor %}\(list)")
    let messages: JSONValue = [
      ["role": "a", "content": .null, "x": [.null]], ["thinking": "t", "role": "b"], ["reasoning": "r"],
      ["reasoning_content": "c", "thinking": "t", "n": .null],
    ]
    let prepared = try PipelineTokenizer(directory: folder.path).applyChatTemplate(messages: messages)
    let written = #"['\xa0\u2028é\U0010ffff\xad\u200d😀\x85\x7f"']"#
    #expect(
      prepared
        == "role,x:[None];thinking,role,reasoning_content:tt;thinking,reasoning,reasoning_content:rr;"
        + "thinking,reasoning_content:tc;" + written)
    try write("chat_template.jinja", "a\n{{ raise_exception('no') }}")
    let error = #expect(throws: InputError.self) { try text() }
    #expect(error?.place == "chat_template: line 2" && error?.what.hasSuffix("no") == true)
    for wrong in ["[]]", "7", #"[{"name": "a"}]"#, #"[{"name": "a", "template": ""}, {"name": "a", "template": ""}]"#] {
      try FileManager.default.removeItem(at: folder.appending(path: "tokenizer_config.json"))
      try? FileManager.default.removeItem(at: folder.appending(path: "chat_template.jinja"))
      try write("tokenizer_config.json", #"{"chat_template": \#(wrong)}"#)
      #expect(throws: InputError.self) { _ = try PipelineTokenizer(directory: folder.path) }
    }
  }
}
