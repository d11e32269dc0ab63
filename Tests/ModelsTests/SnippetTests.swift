import Foundation
import Models
import Tensor
import TestSupport
import Testing

/// The snippets of the documentation's pages, as they stand there: each is run, and each page's is found here.
private enum Snippets {
  static func bert(folder: String, tokens: TokenBatch) throws -> Shape {
    let model = try BERT.With<BERT.MaskedLanguageHead>.load(from: folder)
    var pass = Pass(mask: .lengths([9, 5], of: 9))
    let logits = model(tokens, &pass)  // [batch, time, vocabulary]
    return logits.shape
  }

  static func transformer(folder: String, source: TokenBatch, target: TokenBatch, targets: TokenBatch) throws -> [Shape]
  {
    let model = try Transformer.With<Transformer.LanguageHead>.load(from: folder)
    var pass = Pass()
    let logits = model(source, target: target, &pass)  // [batch, time, vocabulary]
    let loss = model.loss(source, target: target, targets: targets, labelSmoothing: 0.1, &pass)
    return [logits.shape, loss.shape]
  }

  static func t5(folder: String, source: TokenBatch) throws -> Shape {
    let model = try T5.LanguageModel.load(from: folder)
    var reading = Pass(mask: .lengths([9, 5], of: 9))
    let decoder = model.decoder(over: model.encode(source, &reading))
    var writing = Pass(cache: KeyValueCache(layerCount: decoder.layerCount))
    let scores = decoder.nextLogits(TokenBatch([0, 0], batch: 2, time: 1), &writing)  // [batch, vocabulary]
    return scores.shape
  }

  static func gpt2(folder: String) throws -> Shape {
    let model = try GPT2.load(from: folder)
    var pass = Pass(cache: KeyValueCache(layerCount: model.layerCount))
    _ = model(TokenBatch([3, 1, 4, 1]), &pass)  // the prompt
    let scores = model.nextLogits(TokenBatch([5]), &pass)  // one token over the cache: [batch, vocabulary]
    return scores.shape
  }

  static func llama(folder: String) throws -> Shape {
    let model = try Llama.load(from: folder, as: .bfloat16).packedForInference()
    let padding = [0, 2]  // the second text has two tokens less
    var pass = Pass(mask: .starting(at: padding), positions: TextPositions(behind: padding, tokens: 0..<5))
    let tokens = TokenBatch([3, 1, 4, 1, 5, 0, 0, 9, 2, 6], batch: 2, time: 5)
    let scores = model.nextLogits(tokens, &pass)  // [batch, vocabulary]
    return scores.shape
  }

  static func vit(folder: String, pixels: Tensor) throws -> Shape {
    let model = try ViT.With<ImageClassificationHead>.load(from: folder)
    var pass = Pass()
    let logits = model(pixels, &pass)  // [batch, labels]
    return logits.shape
  }
}

@Suite struct SnippetTests {
  @Test func theyRun() throws {
    let tokens = TokenBatch((0..<18).map { Int32(5 + $0) }, batch: 2, time: 9)
    #expect(try Snippets.bert(folder: ModelFixture.path("bert-masked-lm"), tokens: tokens) == [2, 9, 37])
    let shapes = try Snippets.transformer(
      folder: ModelFixture.path("marian-lm"), source: tokens, target: tokens, targets: tokens)
    #expect(shapes == [[2, 9, 37], []])
    #expect(try Snippets.t5(folder: ModelFixture.path("t5-lm"), source: tokens) == [2, 37])
    #expect(try Snippets.gpt2(folder: ModelFixture.path("gpt2-lm")) == [1, 37])
    #expect(try Snippets.llama(folder: ModelFixture.path("llama-lm")) == [2, 37])
    let pixels = Tensor.zeros(Shape(2, 3, 12, 12))
    #expect(try Snippets.vit(folder: ModelFixture.path("vit-classification"), pixels: pixels) == [2, 3])
  }

  /// Every block of Swift on a page of the models is one of the snippets above, line for line.
  @Test func pagesShowThem() throws {
    func lines(_ text: String) -> [String] {
      text.components(separatedBy: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
    }
    let code = lines(try String(contentsOf: URL(filePath: #filePath), encoding: .utf8)).joined(separator: "\n")
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let pages = try FileManager.default.contentsOfDirectory(
      at: root.appending(path: "Sources/Models/Models.docc"), includingPropertiesForKeys: nil
    ).filter { $0.pathExtension == "md" }
    var count = 0
    for page in pages {
      let parts = try String(contentsOf: page, encoding: .utf8).components(separatedBy: "```")
      for block in stride(from: 1, to: parts.count, by: 2).map({ parts[$0] }) {
        #expect(block.hasPrefix("swift\n"), "\(page.lastPathComponent)")
        let snippet = lines(String(block.dropFirst(6))).joined(separator: "\n")
        #expect(snippet.count > 20 && code.contains(snippet), "\(page.lastPathComponent): \(snippet)")
        count += 1
      }
    }
    #expect(pages.count == 7 && count == 6)
  }
}
