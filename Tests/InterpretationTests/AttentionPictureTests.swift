import Attention
import Formats
import Foundation
import Interpretation
import Layers
import Models
import Tensor
import Testing
import Tokenizers

#if canImport(FoundationXML)
  import FoundationXML
#endif

private let gpt2 = GPT2(
  GPT2.Configuration(vocabularySize: 40, contextLength: 200, width: 24, layerCount: 2, headCount: 3), seed: 1)
private let llama = Llama(
  Llama.Configuration(
    vocabularySize: 40, contextLength: 200, width: 32, layerCount: 3, headCount: 4, keyValueHeadCount: 2,
    feedForwardWidth: 40), seed: 1)
private let models: [any LanguageModel] = [gpt2, llama]

/// The kind of the input error that `body` throws; nil if it throws none.
private func kind(_ body: () throws -> Void) -> InputError.Kind? {
  do {
    try body()
    return nil
  } catch {
    return (error as? InputError)?.kind
  }
}

/// What an XML parser finds in a document.
private final class Document: NSObject, XMLParserDelegate {
  private(set) var elements: [String: Int] = [:]
  private(set) var texts: [String] = []
  private var text = ""

  init?(_ xml: String) {
    super.init()
    let parser = XMLParser(data: Data(xml.utf8))
    parser.delegate = self
    guard parser.parse() else { return nil }
  }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String]
  ) {
    elements[name, default: 0] += 1
    text = ""
  }
  func parser(_ parser: XMLParser, foundCharacters characters: String) { text += characters }
  func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
    if name == "text" || name == "title" { texts.append(text) }
    text = ""
  }
}

@Suite struct AttentionPictureTests {
  @Test func weightsAreThoseOfCausalAttention() throws {
    for model in models {
      let layers = try model.attention(over: [3, 1, 4, 1, 5])
      #expect(layers.count == model.layerCount)
      for weights in layers {
        #expect(weights.shape == Shape(model is GPT2 ? 3 : 4, 5, 5))
        let scalars = weights.scalars
        for row in 0..<weights.shape[0] * 5 {
          let (seen, later) = (scalars[row * 5...row * 5 + row % 5], scalars[(row * 5 + row % 5 + 1)..<(row + 1) * 5])
          #expect(abs(seen.reduce(0, +) - 1) < 1e-5 && seen.allSatisfy { $0 >= 0 })
          #expect(later.allSatisfy { $0 == 0 })
        }
      }
    }
  }

  @Test(arguments: [1, 2, 7, 128]) func pictureIsWellFormedAndComplete(_ count: Int) throws {
    for model in models {
      let labels = (0..<count).map { "t\($0)" }, heads = model is GPT2 ? 3 : 4
      let svg = try attentionPicture(of: model, tokens: labels.indices.map { $0 % 40 }, labels: labels)
      let document = try #require(Document(svg))
      #expect(document.elements["svg"] == 1)
      // A map for each head, and the legend.
      #expect(document.elements["g"] == heads * model.layerCount + 1)
      for head in 0..<heads { #expect(document.texts.contains("head \(head)")) }
      for layer in 0..<model.layerCount { #expect(document.texts.contains("layer \(layer)")) }
      for label in labels { #expect(document.texts.count { $0 == label } == model.layerCount * (heads + 1)) }
    }
  }

  @Test func labelsAreEscaped() throws {
    let labels = [
      "<script>", "a&b", "\"'", "]]>", "\u{0}\u{1}\u{8}\u{1f}", "\n", "\r\n", "\t", " the", "", "\u{fffe}\u{ffff}", "🎈",
      "e\u{301}", "\u{202e}x", "&amp;", String(repeating: "W", count: 500), "\u{7f}\u{85}", "한국어",
    ]
    let svg = try attentionPicture(of: gpt2, tokens: Array(repeating: 1, count: labels.count), labels: labels)
    let document = try #require(Document(svg))
    for shown in ["<script>", "a&b", "\"'", "]]>", "⏎", "⏎⏎", "⇥", "·the", "🎈", "&amp;", "한국어"] {
      #expect(document.texts.contains(shown), "\(shown)")
    }
    #expect(document.elements["script"] == nil)
    #expect(document.texts.allSatisfy { $0.count < 80 })
  }

  @Test func aTokenizerNamesTheTokens() throws {
    let tokenizer = try CharacterTokenizer(charactersOf: "abc <>\n")
    let document = try #require(Document(attentionPicture(of: llama, text: "a <\nb>", tokenizer: tokenizer)))
    for shown in ["a", "·", "<", "⏎", "b", ">"] { #expect(document.texts.contains(shown)) }
    #expect(kind { _ = try attentionPicture(of: llama, text: "z", tokenizer: tokenizer) } == .badValue)
    #expect(kind { _ = try attentionPicture(of: llama, text: "", tokenizer: tokenizer) } == .badValue)
  }

  @Test func pictureIsWrittenWhole() throws {
    let path = NSTemporaryDirectory() + "attention-\(UUID().uuidString).svg"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try writeAttentionPicture(of: gpt2, tokens: [1, 2], labels: ["x", "y"], to: path)
    #expect(
      try String(contentsOfFile: path, encoding: .utf8)
        == attentionPicture(of: gpt2, tokens: [1, 2], labels: ["x", "y"]))
    #expect(kind { try writeAttentionPicture(of: gpt2, tokens: [1], labels: ["x"], to: "/nowhere/at/all.svg") } != nil)
  }

  @Test func wrongInputIsAnError() {
    func error(_ tokens: [Int], labels: Int? = nil) -> InputError.Kind? {
      kind {
        _ = try attentionPicture(
          of: gpt2, tokens: tokens, labels: Array(repeating: "a", count: labels ?? tokens.count))
      }
    }
    #expect(error([]) == .badValue)
    #expect(error([1, 2], labels: 1) == .sizeMismatch)
    #expect(error([40]) == .badValue)
    #expect(error([-1]) == .badValue)
    #expect(error(Array(repeating: 1, count: 129)) == .tooLarge)
    #expect(kind { _ = try gpt2.attention(over: Array(repeating: 1, count: 201)) } == .tooLarge)
  }

  @Test func damagedWeightsAreAnError() {
    var damaged = gpt2
    damaged.updateParameters { name, parameter in
      if name.hasSuffix("h.1.attn.c_attn.weight") { parameter = parameter * Tensor(Float.nan) }
    }
    #expect(kind { _ = try attentionPicture(of: damaged, tokens: [1, 2, 3], labels: ["a", "b", "c"]) } == .nonFinite)
  }
}
