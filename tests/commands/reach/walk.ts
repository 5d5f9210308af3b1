/** How somebody walks up to the camera: from three metres to an arm's length. */

const FIRST_METRES = 3;
const LAST_METRES = 0.6;
const METRES_A_SECOND = 0.6;
/** Stands still at first, as long as a page takes to load. */
const STANDS_SECONDS = 1;

export const WALK_SECONDS = STANDS_SECONDS + (FIRST_METRES - LAST_METRES) / METRES_A_SECOND + 1;

/** How far away they are. */
export function walkMetres(seconds: number): number {
  const gone = Math.max(0, seconds - STANDS_SECONDS) * METRES_A_SECOND;
  return Math.max(LAST_METRES, FIRST_METRES - gone);
}

/** When they are so near. */
export function walkSeconds(metres: number): number {
  return STANDS_SECONDS + (FIRST_METRES - metres) / METRES_A_SECOND;
}
