// What a client program needs: found on this machine, and fetched into `target/ecosystem` in pinned versions.
// A toolchain that is not there is told as `missing`; one that is there and fails is an error.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url));
const TARGET = process.env.CARGO_TARGET_DIR ?? join(HERE, '../../target');
const made = new Map();

/** The command that starts the client program, or why there is none; made once. */
function once(name, make) {
  if (!made.has(name)) made.set(name, make());
  return made.get(name);
}

function has(program, ...args) {
  return spawnSync(program, args).status === 0;
}

function isNewGo(program) {
  const { stdout } = spawnSync(program, ['version'], { encoding: 'utf8' });
  return Number(/ go1\.(\d+)/.exec(stdout ?? '')?.[1]) >= 26;
}

function run(cwd, program, ...args) {
  const { status, error, stdout, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8', maxBuffer: 1 << 26 });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error ?? `${stdout}${stderr}`}`);
}

/** A folder that `make` has filled from these sources. They are noted last: so the note says that all is there. */
function filled(name, sources, make) {
  const folder = join(TARGET, 'ecosystem', name);
  const note = join(folder, 'made-from');
  const text = sources.map((source) => readFileSync(join(HERE, source), 'utf8')).join('\n');
  if (!existsSync(note) || readFileSync(note, 'utf8') !== text) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    make(folder);
    writeFileSync(note, text);
  }
  return folder;
}

/** npm writes its own record last: one not older than the list means that all of it is there. */
function npm(folder) {
  const time = (path) => spawnSync('stat', ['-c', '%Y', join(folder, path)], { encoding: 'utf8' }).stdout;
  if (!(Number(time('node_modules/.package-lock.json')) >= Number(time('package-lock.json')))) {
    run(folder, 'npm', 'ci', '--no-audit', '--no-fund');
  }
}

/** What the stock server is made of. */
export function stock() {
  npm(join(HERE, 'stock'));
}

export function javascript() {
  return once('javascript', () => {
    npm(join(HERE, '../js'));
    return { command: [process.execPath, join(HERE, 'javascript/client.mjs')] };
  });
}

export function python(version) {
  return once(`python ${version}`, () => {
    if (!has('python3', '-c', 'import venv, ensurepip, sys; sys.exit(sys.version_info < (3, 10))')) {
      return { missing: 'Python 3.10 or newer with venv is needed (Debian: python3-venv)' };
    }
    const list = `python/requirements-${version}.txt`;
    const folder = filled(`python-${version}`, [list], (folder) => {
      run(folder, 'python3', '-m', 'venv', '.');
      run(folder, 'bin/pip', 'install', '--quiet', '--no-deps', '--requirement', join(HERE, list));
    });
    return { command: [join(folder, 'bin/python'), join(HERE, 'python/client.py')] };
  });
}

export function java(version) {
  return once(`java ${version}`, () => {
    if (!has('java', '-version') || !has('mvn', '-version')) {
      return { missing: 'Java 17 or newer and Maven are needed (Debian: default-jre-headless maven)' };
    }
    const [pom, source] = [`java/pom-${version}.xml`, 'java/Client.java'];
    const folder = filled(`java-${version}`, [pom, source], (folder) => {
      const jars = `-DoutputDirectory=${folder}`;
      run(folder, 'mvn', '-q', '-B', '-f', join(HERE, pom), 'dependency:copy-dependencies', jars);
      const path = readdirSync(folder).join(':');
      run(folder, 'java', '-m', 'jdk.compiler/com.sun.tools.javac.Main', '-cp', path, '-d', '.', join(HERE, source));
    });
    // Started faster so, and small machines have several.
    const fast = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx256m'];
    return { command: ['java', ...fast, '-cp', `${folder}:${folder}/*`, 'Client'] };
  });
}

export function go(version) {
  return once(`go ${version}`, () => {
    // The second is where Go's own archive is unpacked.
    const go = ['go', '/usr/local/go/bin/go'].find(isNewGo);
    if (!go) return { missing: 'Go 1.26 or newer is needed' };
    const sources = ['go.mod', 'go.sum', 'main.go'].map((name) => `go/${name}`);
    const folder = filled(`go-${version}`, sources, (folder) => {
      run(join(HERE, 'go'), go, 'build', '-mod=readonly', '-o', join(folder, 'client'), '.');
    });
    return { command: [join(folder, 'client')] };
  });
}

export function rust(version) {
  return once(`rust ${version}`, () => {
    if (!has('cargo', '--version')) return { missing: 'cargo is needed' };
    if (!has('pkg-config', '--exists', 'openssl')) {
      return { missing: 'the headers of OpenSSL are needed (Debian: pkg-config libssl-dev)' };
    }
    const sources = ['Cargo.toml', 'Cargo.lock', 'src/main.rs'].map((name) => `rust/${name}`);
    const folder = filled(`rust-${version}`, sources, (folder) => {
      run(join(HERE, 'rust'), 'cargo', 'build', '--locked', '--target-dir', folder);
    });
    return { command: [join(folder, 'debug/rust-client')] };
  });
}
