public import Formats
public import Foundation

/// A chat template: a program in the language of Jinja that writes a conversation the way a model was trained on.
///
///     let template = try ChatTemplate(source)
///     let text = try template.text(messages: [["role": "user", "content": "Hello"]], addingGenerationPrompt: true)
///
/// The language is what real templates use: `if`, `for` with `loop`, `set`, `macro`, `call`, `filter`, `with`, `namespace`,
/// the usual filters, tests and methods of strings, lists and mappings, slices, and the control of white space as
/// `transformers` (5.23) sets it: `trim_blocks` and `lstrip_blocks` are on. Values cannot be changed, but for namespaces.
/// What is not implemented is refused by name, with its line. Templates come from strangers: work, output and depth are
/// bounded, and neither files nor anything else can be reached.
public struct ChatTemplate: Sendable {
  private let statements: [TemplateStatement]

  /// Reads a template.
  ///
  /// - Throws: `badValue` for what is no template, `unsupported` for what is not implemented, `tooLarge` for a template of
  ///   more than 4 MiB or of absurd depth. The place is the line.
  public init(_ source: String) throws(InputError) {
    statements = try TemplateParser.statements(of: Array(source.utf8))
  }

  /// The text of a conversation.
  ///
  /// - Parameters:
  ///   - messages: An array of objects with `role` and `content`, and whatever else the template knows.
  ///   - tools: Descriptions of functions that the model may call; `null` for none.
  ///   - addingGenerationPrompt: Whether the text ends with what comes before an answer.
  ///   - variables: Further names that the template knows, such as `bos_token` or `enable_thinking`.
  ///   - date: The time that `strftime_now` gives.
  /// - Throws: `badValue` for what the template refuses (`raise_exception`) or what does not go together in it, `budget`
  ///   where it takes too much work. The place is the line.
  public func text(
    messages: JSONValue, tools: JSONValue = .null, addingGenerationPrompt: Bool = false,
    variables: [JSONMember] = [], date: Date = Date(), timeZone: TimeZone = .current
  ) throws(InputError) -> String {
    var names = TemplateDictionary()
    names[.string("messages")] = TemplateValue(messages)
    names[.string("tools")] = TemplateValue(tools)
    names[.string("documents")] = TemplateValue.none
    names[.string("add_generation_prompt")] = .bool(addingGenerationPrompt)
    for variable in variables { names[.string(variable.key)] = TemplateValue(variable.value) }
    let text = try TemplateInterpreter.text(
      of: statements, names, steps: Self.steps + 2000 * (messages.nodeCount + tools.nodeCount),
      clock: TemplateClock(date: date, timeZone: timeZone))
    return String(decoding: text, as: UTF8.self)
  }

  /// How many values a template may compute, beside 2000 for each value that it is given.
  private static let steps = 500_000
}

extension JSONValue {
  /// How many values it holds, itself included.
  fileprivate var nodeCount: Int {
    switch self {
    case .array(let elements): elements.reduce(1) { $0 + $1.nodeCount }
    case .object(let members): members.reduce(1) { $0 + $1.value.nodeCount }
    case .null, .bool, .integer, .number, .string: 1
    }
  }
}

/// The chat templates that come with a tokenizer, and the special tokens that they name.
struct ChatSettings: Sendable {
  /// Sources by their names; a single one is called `default`.
  var sources: [String: String] = [:]
  /// `bos_token` and the like, for those that the files name.
  var specialTokens: [JSONMember] = []

  /// The template for a conversation: the one that is asked for by name, the one for tools if there are any, or the usual
  /// one.
  func template(_ name: String?, withTools: Bool) throws(InputError) -> ChatTemplate {
    guard !sources.isEmpty else {
      throw InputError(
        .missing, "The tokenizer has no chat template",
        advice: "Add a chat_template.jinja, or use a ChatTemplate of your own.")
    }
    let chosen = name ?? (withTools && sources["tool_use"] != nil ? "tool_use" : "default")
    guard let source = sources[chosen] else {
      throw InputError(
        .missing, "There is no chat template \(quoted(chosen.utf8))", at: "chat_template",
        advice: "There are \(sources.keys.sorted().joined(separator: ", ")).")
    }
    do throws(InputError) {
      return try ChatTemplate(source)
    } catch {
      throw error.inside(Self.place(chosen))
    }
  }

  static func place(_ name: String) -> String {
    name == "default" ? "chat_template" : "chat_template \(quoted(name.utf8))"
  }

  /// The most templates of a tokenizer.
  static let countLimit = 64

  /// Reads a `chat_template`: one template, or several with names.
  mutating func read(_ field: JSONField) throws(InputError) {
    switch field.kind {
    case .string: sources["default"] = try field.string()
    case .object:
      for (name, template) in try field.object(atMost: Self.countLimit) { sources[name.text] = try template.string() }
    default:
      for entry in try field.array(atMost: Self.countLimit) {
        let name = try entry.required("name").string()
        guard sources.updateValue(try entry.required("template").string(), forKey: name) == nil else {
          throw entry.error(.duplicate, "has the name \(quoted(name.utf8)) of another template")
        }
      }
    }
  }
}

extension PipelineTokenizer {
  /// The text of a conversation, by the chat template of the tokenizer's folder (`chat_template.jinja` and the files of
  /// `additional_chat_templates`, or the `chat_template` of `tokenizer_config.json`). Special tokens are written in it: `encode` it with
  /// `addingSpecialTokens: false`.
  ///
  /// - Parameters:
  ///   - messages: An array of objects with `role` and `content`, and whatever else the template knows;
  ///     what is null in one of them counts as absent, and its reasoning goes by `reasoning_content` and `thinking`.
  ///   - tools: Descriptions of functions that the model may call; `null` for none.
  ///   - addingGenerationPrompt: Whether the text ends with what comes before an answer.
  ///   - name: Which template, where there are several; nil for `tool_use` if there are tools and such a template, or else
  ///     `default`.
  ///   - variables: Further names that the template knows, such as `enable_thinking`.
  /// - Throws: `missing` where there is no template; `badValue` for a conversation without a message, which `transformers` (5.23)
  ///   refuses too; `InputError` as `ChatTemplate`.
  public func applyChatTemplate(
    messages: JSONValue, tools: JSONValue = .null, addingGenerationPrompt: Bool = false, named name: String? = nil,
    variables: [JSONMember] = []
  ) throws(InputError) -> String {
    let template = try chatSettings.template(name, withTools: tools != .null)
    if case .array(let messages) = messages, messages.isEmpty {
      throw InputError(
        .badValue, "The conversation is empty", at: "messages", advice: "Give it at least one message.")
    }
    do throws(InputError) {
      return try template.text(
        messages: Self.prepared(messages), tools: tools, addingGenerationPrompt: addingGenerationPrompt,
        variables: chatSettings.specialTokens + variables)
    } catch {
      throw error.inside(ChatSettings.place(name ?? "default"))
    }
  }

  /// Messages as `transformers` (5.23) hands them to a template: without members that are null, which templates would write
  /// as `None`, and with the reasoning of a message under the names that templates look for.
  private static func prepared(_ messages: JSONValue) -> JSONValue {
    guard case .array(let messages) = messages else { return messages }
    return .array(
      messages.map { message in
        guard case .object(var members) = message else { return message }
        members.removeAll { $0.value == .null }
        func value(_ name: JSONString) -> JSONValue? { members.first { $0.key == name }?.value }
        guard let reasoning = value("reasoning_content") ?? value("thinking") ?? value("reasoning") else {
          return .object(members)
        }
        let (thinking, hasReasoning) = (value("thinking") ?? reasoning, value("reasoning_content") != nil)
        members.removeAll { $0.key == "thinking" }
        members.insert(JSONMember("thinking", thinking), at: 0)
        if !hasReasoning { members.append(JSONMember("reasoning_content", reasoning)) }
        return .object(members)
      })
  }

  /// The names of the chat templates that came with the tokenizer.
  public var chatTemplateNames: [String] { chatSettings.sources.keys.sorted() }
}
