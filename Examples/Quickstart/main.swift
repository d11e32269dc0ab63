// Trains a small GPT on the stories in Harbor.swift, one character at a time, lets it write, and draws where it looks.
import CommandLineTool
import Foundation
import Generation
import Gradients
import Interpretation
import Models
import Tokenizers
import Training

runProgram {
  let tool = try CommandLineTool(
    "quickstart", "Trains a small GPT on stories of a harbor town and lets it write.",
    options: CommandLineTool.runtimeOptions)
  try tool.startRuntime()
  let (steps, rows, time) = (800, 12, 64)

  // Text becomes numbers: one for each character.
  let tokenizer = try CharacterTokenizer(charactersOf: harborStories)
  let data = try TokenDataset(
    try tokenizer.encode(harborStories), vocabularySize: tokenizer.vocabularySize, windowsOf: time)

  var configuration = GPT2.Configuration(
    vocabularySize: tokenizer.vocabularySize, contextLength: time, width: 128, layerCount: 2, headCount: 4)
  configuration.hasBiases = false
  var model = GPT2(configuration, seed: 1)
  note("a GPT of \(model.parameterCount) parameters learns \(data.training.ids.count) characters")

  var optimizer = AdamW(beta2: 0.99, weightDecay: 0.1, clippingNorm: 1)
  let rate = LearningRate.cosine(peak: 4e-3, floor: 4e-4, warmUp: 50, steps: steps)
  let random = Random(seed: 1)
  var progress = ProgressLine(steps: steps, tokensPerStep: rows * time)
  let began = ContinuousClock.now
  for step in 0..<steps {
    let (tokens, targets) = data.training.batch(rows: rows, random: random.derived(step))
    let (loss, gradient) = valueAndGradient(at: model) { $0.loss(tokens, targets: targets) }
    try optimizer.update(&model, along: gradient, loss: loss, learningRate: rate(step))
    progress.show(step: step, loss: loss)
  }
  let seconds = (ContinuousClock.now - began) / .seconds(1)

  let loss = model.meanLoss(on: data.validation, batches: 20, rows: rows, random: random.derived("validation"))
  print("Validation loss: \(loss) nats per character (knowing nothing: \(log(Float(tokenizer.vocabularySize))))\n")
  let sample = try write(500, after: "One morning ", model, tokenizer)
  let picture = try draw("Mara looked at the old bell.", model, tokenizer)
  print("\nWhere each character looks, in every head of every layer: \(picture)")
  try tool.printResult([
    ("validation_loss", .number(Double(loss))), ("seconds", .number(seconds)),
    ("tokens_per_second", .number(Double(steps * rows * time) / seconds)), ("sample", .string(JSONString(sample))),
    ("picture", .string(JSONString(picture))),
  ])
}

/// Prints what the model writes as it comes, and returns it.
///
/// The model sees `contextLength` characters at once: when they are used up, it goes on from the last half of them.
func write(
  _ count: Int, after prompt: String, _ model: GPT2, _ tokenizer: CharacterTokenizer
) throws(InputError) -> String {
  var ids = try tokenizer.encode(prompt)
  let end = ids.count + count
  func show(_ text: String) {
    print(text, terminator: "")
    fflush(nil)
  }
  show(prompt)
  while ids.count < end {
    var tokens = try TokenStream(
      model, after: Array(ids.suffix(model.contextLength / 2)),
      sampling: Sampling(temperature: 0.7, seed: UInt64(ids.count)), maxTokens: end - ids.count)
    while let id = try tokens.next() {
      ids.append(id)
      show(try tokenizer.decode([id]))
    }
  }
  print()
  return try tokenizer.decode(ids)
}

/// Draws the attention over a text and returns the picture's path: in the current folder, or where that cannot be written
/// in the one for temporary files.
func draw(_ text: String, _ model: GPT2, _ tokenizer: CharacterTokenizer) throws(InputError) -> String {
  let svg = try attentionPicture(of: model, text: text, tokenizer: tokenizer)
  let name = "quickstart-attention.svg"
  let here = FileManager.default.currentDirectoryPath + "/" + name
  do throws(InputError) {
    try AtomicFile.write(Array(svg.utf8), to: here)
    return here
  } catch {
    let elsewhere = FileManager.default.temporaryDirectory.appendingPathComponent(name).path
    try AtomicFile.write(Array(svg.utf8), to: elsewhere)
    return elsewhere
  }
}
