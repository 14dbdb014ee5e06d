import { ChakraProvider, createSystem, defaultConfig } from "@chakra-ui/react";
import { QueryClientProvider } from "@tanstack/react-query";
import { type RenderResult, render } from "@testing-library/react";
import userEvent, { type UserEvent } from "@testing-library/user-event";
import type { ReactNode } from "react";
import { createMemoryRouter, RouterProvider } from "react-router-dom";
import { Asking } from "../agents/actions/Asking";
import { MeProvider } from "../app/me";
import { createQueryClient } from "../app/polling";
import { Notices } from "../parts/Notices";

export const system = createSystem(defaultConfig);

export interface Shown extends RenderResult {
  user: UserEvent;
  /** What the address says at the moment. */
  search: () => URLSearchParams;
}

/** Render a part the way Airflow's shell does: below its theme and its router. `isLookedAtBy()` comes first. */
export function show(part: ReactNode, { at = "/plugin/edge-agents" }: { at?: string } = {}): Shown {
  const element = (
    <QueryClientProvider client={createQueryClient()}>
      <MeProvider>
        <Asking>{part}</Asking>
      </MeProvider>
      <Notices />
    </QueryClientProvider>
  );
  const router = createMemoryRouter([{ path: "*", element }], { initialEntries: [at] });
  const user = userEvent.setup();
  const result = render(
    <ChakraProvider value={system}>
      <RouterProvider router={router} />
    </ChakraProvider>,
  );
  return { ...result, user, search: () => new URLSearchParams(router.state.location.search) };
}
