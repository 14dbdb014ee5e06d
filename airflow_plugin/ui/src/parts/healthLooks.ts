import type { IconType } from "react-icons";
import { LuCircleCheck, LuCircleOff, LuCircleX, LuClock3 } from "react-icons/lu";
import type { HealthStatus } from "../api/types";

/** Colour and sign of each health: never the colour alone. */
export const HEALTH_LOOKS: Record<HealthStatus, { palette: string; Icon: IconType }> = {
  healthy: { palette: "success", Icon: LuCircleCheck },
  late: { palette: "warning", Icon: LuClock3 },
  lost: { palette: "failed", Icon: LuCircleX },
  offline: { palette: "gray", Icon: LuCircleOff },
};
