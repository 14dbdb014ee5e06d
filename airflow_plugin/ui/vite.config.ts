import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// What Airflow's own page has loaded already, and under which global name a plugin finds it.
const OF_THE_SHELL = {
  "@chakra-ui/react": "ChakraUI",
  "@emotion/react": "EmotionReact",
  react: "React",
  "react-dom": "ReactDOM",
  "react-router-dom": "ReactRouterDOM",
  "react/jsx-runtime": "ReactJSXRuntime",
};

export default defineConfig(({ command }) => ({
  plugins: [react()],
  // A library build leaves this to its host, and no browser knows `process`.
  define: command === "build" ? { "process.env.NODE_ENV": JSON.stringify("production") } : {},
  build: {
    lib: { entry: "src/main.tsx", fileName: () => "main.js", formats: ["umd"], name: "AirflowPlugin" },
    target: "es2022",
    rolldownOptions: {
      external: Object.keys(OF_THE_SHELL),
      output: { globals: OF_THE_SHELL },
    },
  },
  test: {
    environment: "jsdom",
    environmentOptions: { jsdom: { url: "http://airflow.test/" } },
    include: ["src/**/*.test.{ts,tsx}"],
    setupFiles: ["src/testing/setup.ts"],
    // Typing into a dialog takes seconds where other tests have the processors.
    testTimeout: 60_000,
    // A file's machinery costs more than its tests: two cores have other work, and modules are loaded once for all
    // files. What a module remembers is forgotten after each test (src/testing/setup.ts).
    maxWorkers: 2,
    isolate: false,
  },
}));
