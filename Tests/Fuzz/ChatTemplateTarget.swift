import Formats
import Tokenizers

/// What libFuzzer calls: reads the bytes as a chat template, and writes a conversation with it.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let source = String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
  guard let template = try? ChatTemplate(source) else { return 0 }
  let tools: JSONValue = [["function": ["name": "f", "arguments": ["a": 1]]]]
  _ = try? template.text(
    messages: [["role": "user", "content": "Hi é"], ["role": "assistant", "content": .null, "tool_calls": tools]],
    tools: tools, addingGenerationPrompt: true, variables: [JSONMember("bos_token", "<s>")])
  return 0
}
