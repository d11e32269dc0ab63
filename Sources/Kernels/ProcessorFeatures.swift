#if canImport(Glibc)
  private import Glibc
#elseif canImport(Musl)
  private import Musl
#elseif canImport(Darwin)
  private import Darwin
#endif

/// What the processor and the operating system together can run.
public struct ProcessorFeatures: Sendable, Equatable {
  /// AVX2, FMA and F16C: what the `avx2` kernels need.
  public var hasAVX2: Bool
  /// AVX-512 F, BW, CD, DQ and VL: what the `avx512` kernels need.
  public var hasAVX512: Bool
  /// AVX-512 and the tile registers of AMX with bfloat16: what the `amx` kernels need.
  public var hasAMX: Bool

  /// Features as given, for tests.
  public init(hasAVX2: Bool, hasAVX512: Bool, hasAMX: Bool = false) {
    self.hasAVX2 = hasAVX2
    self.hasAVX512 = hasAVX512
    self.hasAMX = hasAMX
  }

  /// Features by a line of flags, as /proc/cpuinfo writes them. The Linux kernel leaves out a flag whose registers it
  /// does not save.
  public init(flags: some StringProtocol) {
    let present = Set(flags.split(separator: " ").map { String($0) })
    hasAVX2 = present.isSuperset(of: ["avx2", "fma", "f16c"])
    hasAVX512 =
      hasAVX2 && present.isSuperset(of: ["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"])
    hasAMX = hasAVX512 && present.isSuperset(of: ["amx_tile", "amx_bf16"])
  }

  /// This machine's, found once. Anything that cannot be found out, or that this process may not use, counts as absent.
  public static let current = detected()

  private static func detected() -> ProcessorFeatures {
    #if arch(x86_64) && os(Linux)
      var features = ProcessorFeatures(flags: flagsLine())
      features.hasAMX = features.hasAMX && mayUseTiles()
      return features
    #elseif arch(x86_64) && canImport(Darwin)
      // Every Mac with AVX2 has FMA and F16C; the names tell what the operating system supports too.
      let avx2 = isSet("hw.optional.avx2_0")
      let all512 = ["f", "bw", "cd", "dq", "vl"].allSatisfy { isSet("hw.optional.avx512" + $0) }
      return ProcessorFeatures(hasAVX2: avx2, hasAVX512: avx2 && all512, hasAMX: false)
    #else
      return ProcessorFeatures(hasAVX2: false, hasAVX512: false, hasAMX: false)
    #endif
  }

  #if arch(x86_64) && canImport(Darwin)
    private static func isSet(_ name: String) -> Bool {
      var value: Int32 = 0
      var size = MemoryLayout<Int32>.size
      return sysctlbyname(name, &value, &size, nil, 0) == 0 && value != 0
    }
  #endif

  #if arch(x86_64) && os(Linux)
    /// Asks the Linux kernel to save tile registers for this process; they are too large to be saved for all.
    private static func mayUseTiles() -> Bool {
      // The C library's own function takes a list of arguments, which Swift cannot write.
      guard let symbol = dlsym(nil, "syscall") else { return false }
      typealias SystemCall = @convention(c) (_ number: Int, _ code: Int, _ feature: Int) -> Int
      let archPrctl = 158, requestPermission = 0x1023, tileData = 18
      return unsafeBitCast(symbol, to: SystemCall.self)(archPrctl, requestPermission, tileData) == 0
    }

    /// The flags of the first processor in /proc/cpuinfo, or nothing. They stand in its first lines.
    private static func flagsLine() -> String {
      let file = open("/proc/cpuinfo", O_RDONLY | O_CLOEXEC)
      guard file >= 0 else { return "" }
      defer { close(file) }
      var text: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: 4096)
      while text.count < 65536 {
        let count = read(file, &buffer, buffer.count)
        if count < 0 && errno == EINTR { continue }
        if count <= 0 { break }
        text += buffer[..<count]
      }
      let lines = text.split(separator: UInt8(ascii: "\n"))
      guard let line = lines.first(where: { $0.starts(with: "flags".utf8) }) else { return "" }
      guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return "" }
      return String(decoding: line[line.index(after: colon)...], as: UTF8.self)
    }
  #endif
}
