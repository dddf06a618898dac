// Fails when a crate that is built into the program wants a newer Rust than `rust-version` in Cargo.toml.
// Crates for every platform count; those that only tests and benchmarks use do not.
import { execFileSync } from 'node:child_process';

const metadata = JSON.parse(
  execFileSync('cargo', ['metadata', '--locked', '--format-version', '1'], {
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'inherit'],
  }),
);
const packages = new Map(metadata.packages.map((crate) => [crate.id, crate]));
const dependencies = new Map(metadata.resolve.nodes.map(({ id, deps }) => [id, deps]));
const program = packages.get(metadata.resolve.root);

/** Whether Rust `version` is newer than `other`. */
function isNewer(version, other) {
  const numbers = (text) => [...text.split('.').map(Number), 0, 0];
  const [major, minor, patch] = numbers(version);
  const [otherMajor, otherMinor, otherPatch] = numbers(other);
  return (major - otherMajor || minor - otherMinor || patch - otherPatch) > 0;
}

// What is added to a set while it is gone through comes up later.
const built = new Set([program.id]);
for (const id of built) {
  for (const { pkg, dep_kinds } of dependencies.get(id)) {
    if (dep_kinds.some(({ kind }) => kind !== 'dev')) built.add(pkg);
  }
}

if (!program.rust_version) throw new Error('Cargo.toml has no rust-version');
const crates = [...built].map((id) => packages.get(id)).filter((crate) => crate !== program);
const silent = crates.filter((crate) => !crate.rust_version);
const newer = crates.filter((crate) => crate.rust_version && isNewer(crate.rust_version, program.rust_version));
for (const { name, version, rust_version } of newer) {
  console.error(`${name} ${version} wants Rust ${rust_version}, and rust-version is ${program.rust_version}`);
}
console.log(`${crates.length} crates: ${newer.length} want a newer Rust than ${program.rust_version}, ${silent.length} do not say`);
process.exitCode = newer.length > 0 ? 1 : 0;
