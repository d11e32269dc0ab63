// swift-tools-version: 6.3
import PackageDescription

// The architecture, from the ground up: a room, and the rooms it may look into.
let rooms: [(name: String, needs: [String])] = [
  ("Formats", []),
  ("Kernels", []),
  ("Tensor", ["Formats", "Kernels"]),
  ("Layers", ["Tensor"]),
  ("Gradients", ["Layers", "Tensor"]),
  ("Attention", ["Layers", "Tensor"]),
  ("Checkpoints", ["Formats", "Layers", "Tensor"]),
  ("Tokenizers", ["Formats"]),
  ("Images", ["Formats", "Tensor"]),
  ("Models", ["Attention", "Checkpoints", "Formats", "Layers", "Tensor"]),
  ("Generation", ["Attention", "Formats", "Layers", "Models", "Tensor", "Tokenizers"]),
  ("Training", ["Checkpoints", "Formats", "Gradients", "Layers", "Models", "Tensor"]),
  (
    "Pipelines",
    ["Attention", "Checkpoints", "Formats", "Images", "Layers", "Models", "Tensor", "Tokenizers"]
  ),
  ("Interpretation", ["Attention", "Formats", "Layers", "Models", "Tensor", "Tokenizers"]),
]

let language: [SwiftSetting] = [
  .enableUpcomingFeature("MemberImportVisibility"), .enableUpcomingFeature("ExistentialAny"),
]

// The kernels are optimised in debug builds too, so that tests run the code that users run. Each
// instruction set is the same source, instantiated in a target of its own under that set's flags; in one file, for
// what several files share would be weak symbols.
func kernelSettings(_ flags: [String] = []) -> [SwiftSetting] {
  language + [.unsafeFlags(["-O"] + flags.flatMap { ["-Xcc", $0] })]
}
let avx512 = ["-march=x86-64-v4", "-mprefer-vector-width=512"]
#if arch(x86_64)
  let instructionSets: [(name: String, flags: [String])] = [
    ("KernelsAVX2", ["-march=x86-64-v3"]), ("KernelsAVX512", avx512),
    ("KernelsAMX", avx512 + ["-mamx-tile", "-mamx-bf16"]),
  ]
#else
  let instructionSets: [(name: String, flags: [String])] = []
#endif

// Programs, each with the rooms that it uses, and the folder that it lives in.
let programs: [(name: String, folder: String, needs: [String])] = [
  (
    "quickstart", "Examples/Quickstart",
    ["Formats", "Generation", "Gradients", "Interpretation", "Models", "Tensor", "Tokenizers", "Training"]
  ),
  ("generate", "Examples/Generate", ["Formats", "Generation", "Models", "Tensor", "Tokenizers"]),
  ("translate", "Examples/Translate", ["Formats", "Generation", "Tokenizers"]),
  ("forward", "Examples/Forward", ["Checkpoints", "Formats", "Models", "Tensor"]),
  ("checkpoint", "Examples/Checkpoint", ["Checkpoints", "Formats", "Models", "Tensor", "Tokenizers"]),
  ("classify-image", "Examples/ClassifyImage", ["Formats", "Images", "Models", "Pipelines", "Tensor"]),
  ("embed", "Examples/Embed", ["Formats", "Models", "Pipelines", "Tensor"]),
  ("fill-mask", "Examples/FillMask", ["Formats", "Models", "Pipelines", "Tensor"]),
  ("tokenize", "Examples/Tokenize", ["Formats", "Tokenizers"]),
  ("tokenizer", "Examples/Tokenizer", ["Formats", "Tokenizers"]),
  ("train-tokenizer", "Examples/TrainTokenizer", ["Formats", "Tokenizers"]),
  ("train-gpt", "Examples/TrainGPT", ["Formats", "Gradients", "Models", "Tensor", "Tokenizers", "Training"]),
  (
    "benchmark", "Benchmarks/Benchmark",
    ["Formats", "Gradients", "Kernels", "Layers", "Models", "Tensor", "Tokenizers", "Training"]
  ),
]

// Rooms further up that a room's tests look into.
let testNeeds = ["Gradients": ["Attention", "Models"], "Layers": ["Attention", "Gradients", "Models"]]

func dependencies(_ names: [String]) -> [Target.Dependency] { names.map { .init(stringLiteral: $0) } }
let kernelRooms = instructionSets.map(\.name)

let package = Package(
  name: "swift-attention",
  platforms: [.macOS(.v15)],
  products: rooms.map { .library(name: $0.name, targets: [$0.name]) }
    + programs.map { .executable(name: $0.name, targets: [$0.name]) },
  targets: rooms.map { room in
    .target(
      name: room.name, dependencies: dependencies(room.needs + (room.name == "Tensor" ? kernelRooms : [])),
      swiftSettings: room.name == "Kernels" ? kernelSettings() : language)
  }
    + instructionSets.map {
      .target(
        name: $0.name,
        dependencies: ["Kernels"],
        swiftSettings: kernelSettings($0.flags)
          + ($0.name == "KernelsAMX" ? [.enableExperimentalFeature("BuiltinModule")] : []))
    }
    + rooms.map { room in
      .testTarget(
        name: room.name + "Tests",
        dependencies: dependencies(
          [room.name, "TestSupport"] + room.needs + testNeeds[room.name, default: []]
            + (room.name == "Kernels" ? kernelRooms : [])),
        swiftSettings: language)
    }
    + [
      .testTarget(
        name: "HostileTests",
        dependencies: dependencies([
          "Checkpoints", "Formats", "Gradients", "Images", "Models", "Tensor", "TestSupport", "Tokenizers", "Training",
        ]), swiftSettings: language),
      .target(
        name: "TestSupport", dependencies: ["Formats", "Layers", "Tensor"], path: "Tests/TestSupport",
        swiftSettings: language),
      .target(
        name: "CommandLineTool", dependencies: ["Formats", "Tensor"], path: "Examples/CommandLineTool",
        swiftSettings: language),
    ]
    + programs.map {
      .executableTarget(
        name: $0.name, dependencies: dependencies($0.needs + ["CommandLineTool"]), path: $0.folder,
        swiftSettings: language)
    },
  swiftLanguageModes: [.v6]
)
