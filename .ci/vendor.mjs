// Fails unless each crate in `vendor/` is the published one with the changes of its patch, and nothing else. The published
// one is known by its hash; Cargo fetches it where it has not yet. With UPDATE_FILES=1 the patches are written instead.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

// What is published and not copied: the build does not need it.
const LEFT_OUT = ['.cargo_vcs_info.json', 'benches', 'Cargo.lock', 'Cargo.toml.orig', 'CHANGELOG.md', 'examples', 'tests'];

const folder = resolve(import.meta.dirname, '../vendor');
const crates = readdirSync(folder)
  .filter((file) => file.endsWith('.sha256'))
  .map((file) => {
    const [, hash, name, version] = readFileSync(join(folder, file), 'utf8').match(/^([0-9a-f]{64}) {2}(.+)-(\d[^-]*)\.crate\n$/);
    return { hash, name, version, file: `${name}-${version}.crate` };
  });

/** Has Cargo fetch the published crates, for a package that has nothing but them. */
function fetchAll() {
  const target = process.env.CARGO_TARGET_DIR ?? resolve(folder, '../target');
  const manifest = join(target, 'vendor/Cargo.toml');
  mkdirSync(join(target, 'vendor/src'), { recursive: true });
  writeFileSync(join(target, 'vendor/src/lib.rs'), '');
  const dependencies = crates.map(({ name, version }) => `${name} = "=${version}"\n`).join('');
  const head = '[package]\nname = "vendored"\nversion = "0.0.0"\nedition = "2024"\npublish = false\n';
  writeFileSync(manifest, `${head}\n[dependencies]\n${dependencies}\n[workspace]\n`);
  // The other crates are those that are there already.
  cpSync(resolve(folder, '../Cargo.lock'), join(target, 'vendor/Cargo.lock'));
  const fetched = spawnSync('cargo', ['fetch', '--quiet', '--offline', '--manifest-path', manifest]);
  if (fetched.status !== 0) execFileSync('cargo', ['fetch', '--manifest-path', manifest], { stdio: 'inherit' });
}

/** The published crate, of which everything else is measured. */
function published({ file, hash }) {
  const cache = join(process.env.CARGO_HOME ?? join(homedir(), '.cargo'), 'registry/cache');
  const paths = readdirSync(cache).map((registry) => join(cache, registry, file));
  const found = paths.filter((path) => existsSync(path)).map((path) => readFileSync(path));
  const right = found.find((crate) => createHash('sha256').update(crate).digest('hex') === hash);
  if (!right) throw new Error(`${file} is not in Cargo's cache, or its hash is not ${hash}`);
  return right;
}

/** What the copy has otherwise than the published crate. */
function difference(crate) {
  const work = mkdtempSync(join(tmpdir(), 'vendor-'));
  try {
    execFileSync('tar', ['-xz', '-C', work], { input: published(crate) });
    renameSync(join(work, `${crate.name}-${crate.version}`), join(work, 'a'));
    for (const entry of LEFT_OUT) rmSync(join(work, 'a', entry), { recursive: true, force: true });
    cpSync(join(folder, crate.name), join(work, 'b'), { recursive: true });
    const options = { cwd: work, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024, env: { ...process.env, LC_ALL: 'C' } };
    const { status, stdout, stderr } = spawnSync('diff', ['-ruN', 'a', 'b'], options);
    if (status > 1) throw new Error(stderr);
    // Without the times of the files.
    return stdout.replace(/^(diff .*\n--- [^\t\n]*)\t.*(\n\+\+\+ [^\t\n]*)\t.*$/gm, '$1$2');
  } finally {
    rmSync(work, { recursive: true });
  }
}

fetchAll();
for (const crate of crates) {
  const patch = join(folder, `${crate.name}.patch`);
  const actual = difference(crate);
  if (process.env.UPDATE_FILES) {
    writeFileSync(patch, actual);
  } else if (readFileSync(patch, 'utf8') !== actual) {
    console.error(`vendor/${crate.name} is not ${crate.name} ${crate.version} with vendor/${crate.name}.patch`);
    process.exitCode = 1;
  } else {
    console.log(`vendor/${crate.name} is ${crate.name} ${crate.version} with vendor/${crate.name}.patch`);
  }
}
