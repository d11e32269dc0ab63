// The processor's hints to bring memory closer, by LLVM's name for them: there is no other way to say them in Swift. On a
// processor without such hints they are nothing. The last three arguments must be literals where this is called, as in
// the functions below: so it is for rooms that are always optimised.
@_silgen_name("llvm.prefetch.p0")
@usableFromInline func hint(_ place: UnsafeRawPointer, _ forWriting: Int32, _ locality: Int32, _ isData: Int32)

/// Asks for the line of memory at `place`, soon to be read, in the first-level cache. Any address will do.
@export(implementation) @inline(always) package func prefetch(_ place: UnsafeRawPointer) { hint(place, 0, 3, 1) }

/// The same in the second-level cache, for what is read later.
@export(implementation) @inline(always) package func prefetchFar(_ place: UnsafeRawPointer) { hint(place, 0, 2, 1) }

/// The same for a line that is soon to be written.
@export(implementation) @inline(always) package func prefetchForWriting(_ place: UnsafeRawPointer) {
  hint(place, 1, 3, 1)
}
