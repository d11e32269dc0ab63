import CommandLineTool
import Formats
import Foundation
import Gradients
import Models
import Tensor
import Tokenizers
import Training

/// A run that is ready to train: everything that can be refused has been checked.
struct Run {
  let options: Options
  let tokenizer: CharacterTokenizer
  let data: TokenDataset
  let recipe: Recipe
  let random: Random
  var model: GPT2
  var optimizer = AdamW(beta1: 0.9, beta2: 0.99, weightDecay: 0.1, clippingNorm: 1)
  var firstStep = 0
  /// False while the newest checkpoint is damaged: saving must not keep it in place of the whole one before.
  var keepsReplaced = true

  init(_ options: Options) throws(InputError) {
    self.options = options
    let text = try InputFile.contents(of: options.text, atMost: 1 << 31)
    do throws(InputError) {
      guard let string = String(validating: text, as: UTF8.self) else { throw InputError(.badUTF8, "is no UTF-8 text") }
      tokenizer = try CharacterTokenizer(charactersOf: string)
      data = try TokenDataset(
        try tokenizer.encode(string), vocabularySize: tokenizer.vocabularySize, windowsOf: options.block)
    } catch { throw error.inside(options.text) }
    let configuration = options.configuration(vocabularySize: tokenizer.vocabularySize)
    recipe = options.recipe(configuration, tokenizer: try tokenizer.fileContents, text: text)
    random = Random(seed: recipe.seed)
    try options.requireMemory(configuration)
    model = GPT2(configuration, seed: recipe.seed)
    try checkOutput()
    if options.resumes { try resume() }
  }

  /// Checks that the folder can be written, and that writing it destroys nothing.
  private func checkOutput() throws(InputError) {
    try TrainingCheckpoint.folder(replacing: options.out).discard()
    let own = ["config.json", CharacterTokenizer.fileName]
    let found = (try? FileManager.default.contentsOfDirectory(atPath: options.out)) ?? []
    if let other = found.filter({ !TrainingCheckpoint.isFile($0) && !own.contains($0) && !$0.hasPrefix(".") }).min() {
      throw InputError(
        .inconsistent, "holds \(other), which is not of a training run", at: options.out,
        advice: "Choose a new folder: the folder is replaced as a whole.")
    }
    // Weights of another model would stay for one checkpoint, as the one before, and be lost to the next; or, beside a run
    // that was kept before, be taken for its damaged successor.
    if try !TrainingCheckpoint.stands(at: options.out), let file = found.filter({ !$0.hasPrefix(".") }).min() {
      throw InputError(
        .inconsistent, "holds \(file), but no training run", at: options.out,
        advice: "Choose a new folder: the folder is replaced as a whole.")
    }
    guard !options.resumes, let path = try standingRun() else { return }
    let old = try TrainingCheckpoint(opening: path)  // a damaged run is not overwritten in silence
    guard
      case .integer(let steps) = old.recipe.settings["steps"], old.step < steps
    else { return }
    throw InputError(
      .inconsistent, "holds a run that stopped at step \(old.step) of \(steps)", at: path,
      advice: "Go on with it by --resume, or choose another folder.")
  }

  /// Where the newest checkpoint of a run stands, if there is one.
  private func standingRun() throws(InputError) -> String? {
    for path in [options.out, try AtomicDirectory.previousPath(of: options.out)] {
      if try TrainingCheckpoint.stands(at: path) { return path }
    }
    return nil
  }

  private mutating func resume() throws(InputError) {
    let holdsNothing = (try? FileManager.default.contentsOfDirectory(atPath: options.out))?.isEmpty ?? true
    if holdsNothing, try standingRun() == nil {
      note("\(options.out) holds no run yet: beginning one")
      return
    }
    let (checkpoint, passedOver) = try TrainingCheckpoint.newestWhole(of: options.out)
    if let passedOver { note("passing over the newest checkpoint: \(passedOver)") }
    try checkpoint.restore(&model, &optimizer, of: recipe)
    guard checkpoint.step <= options.steps else {
      throw InputError(
        .badValue, "is at step \(checkpoint.step), beyond the \(options.steps) asked for", at: checkpoint.path,
        advice: "Ask for more steps, or choose another folder.")
    }
    (firstStep, keepsReplaced) = (checkpoint.step, passedOver == nil)
    note("going on after step \(firstStep), from \(checkpoint.path)")
  }

  /// Trains to the last step, saving on the way.
  ///
  /// - Returns: the time that the steps took, without the saves.
  mutating func train() throws -> Duration {
    let tokensPerStep = options.microBatches * options.rows * options.block
    var progress = ProgressLine(steps: options.steps, tokensPerStep: tokensPerStep, from: firstStep)
    let (schedule, batches) = (options.schedule, random.derived("batches"))
    var time = Duration.zero
    for step in firstStep..<options.steps {
      let began = ContinuousClock.now
      var mean = GradientMean<GPT2>()
      for part in 0..<options.microBatches {
        let (tokens, targets) = data.training.batch(rows: options.rows, random: batches.derived(step).derived(part))
        let (loss, gradient) = valueAndGradient(at: model) { $0.loss(tokens, targets: targets) }
        mean.add(loss, gradient, tokens: targets.countedTargets)
      }
      let (loss, gradient) = mean.take()
      try optimizer.update(&model, along: gradient, loss: loss, learningRate: schedule(step))
      time += ContinuousClock.now - began
      progress.show(step: step, loss: loss)
      if (step + 1) % options.checkpointInterval == 0 || step + 1 == options.steps { try save() }
    }
    return time
  }

  /// Saves the model, its tokenizer and the state of the run in one folder, whole or not at all. The save before stays.
  private mutating func save() throws(InputError) {
    let folder = try TrainingCheckpoint.folder(replacing: options.out, keepingReplaced: keepsReplaced)
    try model.save(to: folder)
    try folder.write(try tokenizer.fileContents, to: CharacterTokenizer.fileName)
    try TrainingCheckpoint.write(model, optimizer, of: recipe, to: folder)
    try folder.commit()
    keepsReplaced = true
  }
}

runProgram {
  let tool = try CommandLineTool(
    "train-gpt", "Trains a small character-level GPT-2 on a text, by the recipe of nanoGPT at twice its learning rate.",
    options: Options.all)
  let options = try Options(tool)
  try tool.startRuntime()
  var run = try Run(options)
  let time = try run.train()
  let loss = run.model.meanLoss(
    on: run.data.validation, batches: 200, rows: options.rows, random: run.random.derived("validation"))
  let seconds = time / .seconds(1)
  let tokens = (options.steps - run.firstStep) * options.microBatches * options.rows * options.block
  note("validation loss \(loss); saved to \(options.out), for generate --model \(options.out)")
  try tool.printResult([
    ("validation_loss", .number(Double(loss))), ("seconds", .number(seconds)), ("steps", .integer(options.steps)),
    ("tokens_per_second", .number(seconds > 0 ? Double(tokens) / seconds : 0)),
    ("peak_bytes", .integer(Memory.processPeakBytes)),
  ])
}
