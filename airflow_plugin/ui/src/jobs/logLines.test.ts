import { expect, test } from "vitest";
import { linesOf } from "./logLines";

test("a line of a command is shown as it is, without the colours of a terminal", () => {
  expect(linesOf("\u001b[32mdone\u001b[0m\r\n")).toEqual([{ at: null, level: null, text: "done" }]);
});

test("a line of a task is taken apart: time, level, what happened, and what else it says", () => {
  const line = JSON.stringify({
    timestamp: "2026-03-01T12:00:00Z",
    level: "warning",
    event: "Slow",
    logger: "task",
    filename: "load.py",
    lineno: 7,
    rows: 3,
    table: "orders",
  });
  expect(linesOf(line)).toEqual([{ at: "2026-03-01T12:00:00Z", level: "warning", text: "Slow rows=3 table=orders" }]);
});

test("an exception is written as Python does", () => {
  const line = JSON.stringify({
    event: "Task failed",
    level: "error",
    error_detail: [
      {
        exc_type: "ValueError",
        exc_value: "no rows",
        frames: [{ filename: "/dags/load.py", lineno: 12, name: "load" }],
      },
    ],
  });
  expect(linesOf(line)[0]?.text).toBe('Task failed\n  File "/dags/load.py", line 12 in load\nValueError: no rows');
});

test.each(['{"half": ', "{}", '{"event": 7}', '["event"]'])("%s is no line of a task, and shown as it is", (text) => {
  expect(linesOf(text)).toEqual([{ at: null, level: null, text }]);
});

test("the line break at the end begins no line", () => {
  expect(linesOf("a\n\nb\n").map((line) => line.text)).toEqual(["a", "", "b"]);
  expect(linesOf("")).toEqual([]);
});
