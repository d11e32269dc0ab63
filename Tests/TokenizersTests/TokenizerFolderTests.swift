import Formats
import Foundation
import Testing
import Tokenizers

/// Folders whose other files change what the `tokenizer.json` or the vocabulary says, against what the reference library
/// makes of texts. Scripts/tokenizer_folder_fixtures.py wrote both, with the versions that it names.
@Suite struct TokenizerFolderTests {
  private let fixture: JSONField

  init() throws { fixture = JSONField(try ReferenceTests.fixture("folders.expected")) }

  /// The tokenizer of a new folder with these files.
  private func tokenizer(_ files: JSONField, base: String?) throws -> PipelineTokenizer {
    let folder = FileManager.default.temporaryDirectory.appending(path: "folders-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    func write(_ name: String, _ content: JSONField) throws {
      let path = folder.appending(path: name)
      try FileManager.default.createDirectory(at: path.deletingLastPathComponent(), withIntermediateDirectories: true)
      let bytes = content.kind == .string ? try content.jsonString().utf8 : try content.value().encoded()
      try Data(bytes).write(to: path)
    }
    for files in [try base.map { try fixture.required("bases").required($0) }, files].compactMap({ $0 }) {
      for (name, content) in try files.object() { try write(name.text, content) }
    }
    return try PipelineTokenizer(directory: folder.path)
  }

  @Test func `ids and text are those of the reference library`() throws {
    let folders = try fixture.required("folders").array()
    #expect(folders.count >= 150)
    for folder in folders {
      let base = try folder.optional("base")?.string()
      let name = "\(base ?? ""): \(String(decoding: try folder.required("files").value().encoded(), as: UTF8.self))"
      let tokenizer = try tokenizer(folder.required("files"), base: base)
      for golden in try folder.required("cases").array() {
        let (text, expected) = (try golden.required("text").string(), try golden.required("ids").array())
        let ids = try tokenizer.encode(text, addingSpecialTokens: false)
        #expect(try ids == expected.map { try $0.int() }, "\(name), \(text.debugDescription)")
        let decoded = try golden.required("decoded").string()
        #expect(try tokenizer.decode(ids) == decoded, "\(name), \(text.debugDescription)")
        let kept = try golden.optional("kept")?.string() ?? decoded
        #expect(try tokenizer.decode(ids, skippingSpecialTokens: true) == kept, "\(name), \(text.debugDescription)")
        var (detokenizer, pieces) = (tokenizer.makeDetokenizer(), "")
        for id in ids { pieces += try detokenizer.append(id) }
        pieces += detokenizer.finish()
        #expect(pieces == decoded, "\(name), \(text.debugDescription), one at a time")
      }
    }
  }

  @Test func `chat templates are chosen as in the reference library`() throws {
    for folder in try fixture.required("templates").array() {
      let name = String(decoding: try folder.required("files").value().encoded(), as: UTF8.self)
      let tokenizer = try tokenizer(folder.required("files"), base: "pairs")
      for golden in try folder.required("cases").array() {
        let tools = try golden.optional("tools")?.value() ?? .null
        let (template, expected) = (try golden.optional("name")?.string(), try golden.optional("text")?.string())
        func text() throws(InputError) -> String {
          try tokenizer.applyChatTemplate(messages: [["role": "user", "content": "Hi"]], tools: tools, named: template)
        }
        if let expected {
          #expect(try text() == expected, "\(name), \(template ?? "-")")
        } else {
          #expect(kind { () throws(InputError) in _ = try text() } == .missing, "\(name), \(template ?? "-")")
        }
      }
    }
  }

  /// What has no form in this library is refused by its name.
  @Test func `settings that cannot be honoured are refused`() throws {
    func error(_ base: String, _ settings: JSONValue) throws -> InputError {
      try #require(throws: InputError.self) {
        _ = try tokenizer(JSONField(["tokenizer_config.json": settings]), base: base)
      }
    }
    let split = try error("pairs", ["split_special_tokens": true])
    #expect(split.kind == .unsupported && split.place.hasSuffix("tokenizer_config.json: split_special_tokens"))
    let space = try error("words", ["tokenizer_class": "GPT2Tokenizer", "add_prefix_space": true])
    #expect(space.kind == .unsupported && space.place.hasSuffix("tokenizer_config.json: add_prefix_space"))
    #expect(try error("pairs", ["add_prefix_space": "yes"]).kind == .wrongType)
    #expect(try error("pairs", ["pad_token": [:]]).kind == .missing)
    #expect(try error("pairs", ["chat_template": ["default": 1]]).kind == .wrongType)
  }

  @Test func `a folder of too many templates is refused`() throws {
    func files(_ count: Int) -> JSONValue {
      .object((0..<count).map { JSONMember(JSONString("additional_chat_templates/\($0).jinja"), "x") })
    }
    #expect(try tokenizer(JSONField(files(64)), base: "pairs").chatTemplateNames.count == 64)
    let error = try #require(throws: InputError.self) { _ = try tokenizer(JSONField(files(65)), base: "pairs") }
    #expect(error.kind == .tooLarge && error.place.hasSuffix("additional_chat_templates"))
  }

  @Test func `clean-up may be switched`() throws {
    var tokenizer = try smallGPT2.tokenizer()
    let ids = try tokenizer.encode("the . a ' b")
    #expect(try tokenizer.decode(ids) == "the . a ' b")
    tokenizer.cleansUpSpaces = true
    #expect(try tokenizer.decode(ids) == "the. a'b")
  }
}
