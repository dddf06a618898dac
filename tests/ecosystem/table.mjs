// The tables of docs/compatibility.md: read, and written anew.
// A cell is the relay's word and the stock server's: yes, no, or varies where the same row came out differently.
import { readFileSync, writeFileSync } from 'node:fs';
import { CHECKS } from './checks.mjs';

const BEGIN = '<!-- cells: written by tests/ecosystem/run.mjs -->\n';
const END = '<!-- end of cells -->\n';
const COLUMNS = ['client', 'version', 'transport', ...Object.keys(CHECKS)];

function split(path) {
  const document = readFileSync(path, 'utf8');
  const [begin, end] = [document.indexOf(BEGIN), document.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`${path} has no place for the table`);
  return [document.slice(0, begin + BEGIN.length), document.slice(begin + BEGIN.length, end), document.slice(end)];
}

/** The cells of each row by its title: of each column the relay's word and the stock server's. */
export function read(path) {
  const lines = split(path)[1].split('\n').slice(2).filter(Boolean);
  const rows = lines.map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim()));
  return new Map(
    rows.map((row) => {
      const cells = Object.keys(CHECKS).map((column, index) => [column, row[index + 3].split(' / ')]);
      return [row.slice(0, 3).join(' '), Object.fromEntries(cells)];
    }),
  );
}

/** What came of a column in several runs. */
function word(runs, column) {
  const good = runs.filter((cells) => cells[column] === null).length;
  if (good === runs.length) return 'yes';
  return good === 0 ? 'no' : 'varies';
}

/** Writes the rows in `order`: those that ran from `results`, by title and server, and the others as they were. */
export function write(path, order, results) {
  const [before, , after] = split(path);
  const old = read(path);
  const line = (cells) => `| ${cells.join(' | ')} |\n`;
  const rows = order.map((title) => {
    const { relay, stock } = results.get(title.join(' ')) ?? {};
    const cells = Object.keys(CHECKS).map((column) =>
      relay && stock ? [word(relay, column), word(stock, column)] : (old.get(title.join(' '))?.[column] ?? ['?', '?']),
    );
    return line([...title, ...cells.map((words) => words.join(' / '))]);
  });
  writeFileSync(path, `${before}${line(COLUMNS)}|${'---|'.repeat(COLUMNS.length)}\n${rows.join('')}${after}`);
}
